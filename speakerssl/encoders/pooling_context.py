"""Attentive statistics through tanh, whose attention may see the whole recording's statistics (wespeaker's ASTP)."""

import torch
from torch import Tensor, nn

from speakerssl.encoders.masking import mask_frames, masked_mean
from speakerssl.encoders.pooling import Pooling

FLOOR = 1e-7


class TanhAttentiveStatistics(Pooling):
    """Mean and deviation with the weights softmax(W2 tanh(W1 x + b1) + b2) for each channel and frame: 2C values.

    The form of ECAPA-TDNN's pooling (Desplanques et al. 2020) that wespeaker has: no batch normalization inside.

    Args:
        channels: C.
        bottleneck: hidden channels of the attention.
        context: the attention sees mean and (unbiased) deviation of the recording beside each frame ("GLOB").
    """

    def __init__(self, channels: int, bottleneck: int = 128, context: bool = False) -> None:
        super().__init__(channels, 2)
        self.context = context
        self.reduce = nn.Conv1d(channels * (3 if context else 1), bottleneck, 1)
        self.expand = nn.Conv1d(bottleneck, channels, 1)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        context = None
        if self.context:
            mean = masked_mean(x, mask)
            frames = x.new_tensor(x.shape[2]) if mask is None else mask.sum(dim=1, keepdim=True).to(x)
            biased = masked_mean((x - mean[:, :, None]).square(), mask)
            context = mean, biased * (frames / (frames - 1).clamp(min=1))
        scores = self.scores(x, context)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, :], -torch.inf)
        weights = torch.softmax(scores, dim=2)
        x = mask_frames(x, mask)
        mean = (weights * x).sum(dim=2)
        variance = (weights * (x - mean[:, :, None]).square()).sum(dim=2)
        return torch.cat([mean, variance.clamp(min=FLOOR).sqrt()], dim=1)

    def scores(self, x: Tensor, context: tuple[Tensor, Tensor] | None) -> Tensor:
        """What the softmax over time is taken of: x [B, C, T], its mean and variance [B, C] -> [B, C, T]."""
        if context is not None:
            mean, variance = context
            sides = [mean[:, :, None].expand_as(x), (variance + FLOOR).sqrt()[:, :, None].expand_as(x)]
            x = torch.cat([x, *sides], dim=1)
        return self.expand(torch.tanh(self.reduce(x)))
