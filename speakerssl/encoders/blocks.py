"""Squeeze-and-excitation, and the residual blocks of ResNets, with masks."""

import torch
from torch import Tensor, nn

from speakerssl.encoders.masking import batch_norm, mask_frames, masked_mean


class SqueezeExcitation(nn.Module):
    """Each channel scaled by a gate that sees the whole recording (Hu et al. 2018).

    x [B, C, ..., T] times sigmoid(W2 relu(W1 mean(x) + b1) + b2), the mean over real frames only.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, max(1, channels // reduction))
        self.expand = nn.Linear(self.reduce.out_features, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(masked_mean(x, mask)))))
        return x * gate.view(*gate.shape, *(1,) * (x.dim() - 2))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016).

    [B, C, F, T] -> [B, C', F / stride, T / stride], C' = `outputs`.

    Args:
        inputs, outputs: channels.
        stride: of the first convolution and the shortcut, over both axes.
        se_reduction: squeeze-and-excitation with this reduction before the sum; 0 for none.
        relu_first: conv, ReLU, BN (as voxceleb_trainer has it) and not conv, BN, ReLU.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, se_reduction: int, relu_first: bool) -> None:
        super().__init__()
        self.relu_first = relu_first
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.se = SqueezeExcitation(outputs, se_reduction) if se_reduction else None
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`mask` [B, T / stride] is that of the output."""
        out = relu_and_norm(self.conv1(x), self.norm1, mask, self.relu_first)
        out = batch_norm(self.norm2, self.conv2(out), mask)
        if self.se is not None:
            out = self.se(out, mask)
        if self.shortcut is not None:
            x = batch_norm(self.shortcut_norm, self.shortcut(x), mask)
        return torch.relu(out + x)


class BottleneckBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut, four times `channels` wide at its end (He et al. 2016).

    [B, C, F, T] -> [B, 4 channels, F / stride, T / stride]; the 3x3 convolution and the shortcut stride.
    """

    EXPANSION = 4

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        outputs = self.EXPANSION * channels
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, before: Tensor | None, mask: Tensor | None) -> Tensor:
        """`before` [B, T] is the mask of x, `mask` [B, T / stride] that of the output."""
        out = relu_and_norm(self.conv1(x), self.norm1, before, False)
        out = relu_and_norm(self.conv2(out), self.norm2, mask, False)
        out = batch_norm(self.norm3, self.conv3(out), mask)
        if self.shortcut is not None:
            x = batch_norm(self.shortcut_norm, self.shortcut(x), mask)
        return torch.relu(out + x)


def relu_and_norm(x: Tensor, norm: nn.Module, mask: Tensor | None, relu_first: bool) -> Tensor:
    """ReLU and batch normalization in either order, zeros in the padded frames."""
    if relu_first:
        return batch_norm(norm, torch.relu(x), mask)
    return mask_frames(torch.relu(batch_norm(norm, x, mask)), mask)
