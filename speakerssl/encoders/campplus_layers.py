"""The parts of CAM++ that no other encoder has: its 2-D head, and the convolution that is gated by its context."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerssl.encoders.masking import batch_norm, expand_mask, mask_frames, mask_of, masked_mean

SEGMENT = 100  # frames of which a local context is the mean


class FrequencyBlock(nn.Module):
    """A residual block on [B, C, F, T] that strides over frequency alone: F -> ceil(F / stride)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=(stride, 1), padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Conv2d | None = None
        if stride != 1:
            self.shortcut = nn.Conv2d(channels, channels, 1, stride=(stride, 1), bias=False)
            self.shortcut_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        out = mask_frames(torch.relu(batch_norm(self.norm1, self.conv1(x), mask)), mask)
        out = batch_norm(self.norm2, self.conv2(out), mask)
        if self.shortcut is not None:
            x = batch_norm(self.shortcut_norm, self.shortcut(x), mask)
        return mask_frames(torch.relu(out + x), mask)


class ConvolutionHead(nn.Module):
    """Features [B, 1, F, T] -> [B, C x ceil(F / 8), T]: time stays, frequency is halved three times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(FrequencyBlock(channels, stride) for stride in (2, 1, 2, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=(2, 1), padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        mask = mask_of(lengths, x)
        x = mask_frames(torch.relu(batch_norm(self.norm1, self.conv1(x), mask)), mask)
        for block in self.blocks:
            x = block(x, mask)
        x = mask_frames(torch.relu(batch_norm(self.norm2, self.conv2(x), mask)), mask)
        return x.flatten(1, 2)


class ContextGatedConv(nn.Module):
    """A convolution of three taps whose output is weighed by the context of each frame: [B, C, T] -> [B, C', T].

    The context is the mean of the whole recording plus that of the frame's segment of 100; from it two 1x1
    convolutions make a weight from 0 to 1 for each channel and segment.
    """

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.local = nn.Conv1d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False)
        self.context1 = nn.Conv1d(inputs, inputs // 2, 1)
        self.context2 = nn.Conv1d(inputs // 2, outputs, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x has zeros in the padded frames."""
        gate = self.gate(masked_mean(x, mask)[:, :, None] + segment_means(x, mask))
        return self.local(x) * frames_of(gate, x.shape[2])

    def gate(self, context: Tensor) -> Tensor:
        """The weights [B, C', segments] of contexts [B, C, segments]."""
        return torch.sigmoid(self.context2(torch.relu(self.context1(context))))


def segment_means(x: Tensor, mask: Tensor | None) -> Tensor:
    """Means of the segments of SEGMENT frames, real ones only: [B, C, T] -> [B, C, ceil(T / SEGMENT)]."""
    means = functional.avg_pool1d(x, SEGMENT, SEGMENT, ceil_mode=True)
    if mask is None:
        return means
    shares = functional.avg_pool1d(expand_mask(mask, x).to(x), SEGMENT, SEGMENT, ceil_mode=True)
    return means / shares.clamp(min=1e-6)  # a segment without a real frame is 0 and stays so


def frames_of(segments: Tensor, frames: int) -> Tensor:
    """Each segment's value at its frames: [B, C, S] -> [B, C, T]."""
    return segments[..., None].expand(*segments.shape, SEGMENT).flatten(2)[..., :frames]
