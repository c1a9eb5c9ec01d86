"""Squeeze-and-excitation: each channel scaled by a gate that sees the whole recording (Hu et al. 2018)."""

import torch
from torch import Tensor, nn

from speakerssl.encoders.masking import masked_mean


class SqueezeExcitation(nn.Module):
    """x [B, C, ..., T] times sigmoid(W2 relu(W1 mean(x) + b1) + b2), the mean over real frames only."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, max(1, channels // reduction))
        self.expand = nn.Linear(self.reduce.out_features, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(masked_mean(x, mask)))))
        return x * gate.view(*gate.shape, *(1,) * (x.dim() - 2))
