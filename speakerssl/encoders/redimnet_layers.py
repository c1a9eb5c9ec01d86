"""The parts of ReDimNet: 2-D and 1-D blocks, and the context over time with attention. Time is always the last axis."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerssl.encoders.blocks import relu_and_norm
from speakerssl.encoders.masking import batch_norm, mask_frames

CONTEXT_KERNELS = (7, 19, 31, 59)
HEADS = 4
EPS = 1e-6


def groups_of(channels: int, group_size: int) -> int:
    """Groups of about `group_size` channels: as many as fit, at least one."""
    return max(1, channels // group_size)


class ChannelNorm(nn.Module):
    """Layer normalization over the channels of x [B, C, (F,) T], for each frame (and bin) alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=1, keepdim=True)
        normal = centred * torch.rsqrt(centred.square().mean(dim=1, keepdim=True) + EPS)
        shape = (1, -1, *(1,) * (x.dim() - 2))
        return normal * self.weight.view(shape) + self.bias.view(shape)


class GroupedResBlock(nn.Module):
    """Two 3x3 grouped convolutions, each with a 1x1 one after it, and the input added (ReLU before the first BN)."""

    def __init__(self, channels: int, group_size: int) -> None:
        super().__init__()
        groups = groups_of(channels, group_size)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False, groups=groups)
        self.mix1 = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False, groups=groups)
        self.mix2 = nn.Conv2d(channels, channels, 1)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        out = relu_and_norm(self.mix1(self.conv1(x)), self.norm1, mask, relu_first=True)
        out = batch_norm(self.norm2, self.mix2(self.conv2(out)), mask)
        return mask_frames(torch.relu(out + x), mask)


class DepthwiseBlock(nn.Module):
    """A grouped convolution, BN, GELU, a 1x1 convolution, and the input added, in one or two dimensions (ConvNeXt)."""

    def __init__(self, channels: int, kernel: int, group_size: int, dimensions: int) -> None:
        super().__init__()
        conv, norm = (nn.Conv1d, nn.BatchNorm1d) if dimensions == 1 else (nn.Conv2d, nn.BatchNorm2d)
        self.depthwise = conv(channels, channels, kernel, padding=kernel // 2, groups=groups_of(channels, group_size))
        self.norm = norm(channels)
        self.mix = conv(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        out = functional.gelu(batch_norm(self.norm, self.depthwise(x), mask))
        return mask_frames(x + self.mix(out), mask)


class AttentionLayer(nn.Module):
    """Self-attention over time and a feed-forward layer, each normalized after its input is added: [B, C, T]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.value, self.output = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.hidden, self.back = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.last_norm = nn.LayerNorm(channels, eps=EPS)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        rows = x.transpose(1, 2)  # [B, T, C]
        batch, frames, channels = rows.shape
        heads = (batch, frames, HEADS, channels // HEADS)
        query, key, value = (layer(rows).reshape(heads).transpose(1, 2) for layer in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) * (channels // HEADS) ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None, :], -torch.inf)
        seen = (torch.softmax(scores, dim=-1) @ value).transpose(1, 2).reshape(batch, frames, channels)
        rows = self.norm(rows + self.output(seen))
        rows = self.last_norm(rows + self.back(functional.gelu(self.hidden(rows), approximate="tanh")))
        return mask_frames(rows.transpose(1, 2), mask)


class TimeContext(nn.Module):
    """Fewer channels, depthwise convolutions of four widths, attention, and back: added to x [B, C, T]."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.reduce = nn.Conv1d(channels, inner, 1)
        self.norm = ChannelNorm(inner)
        self.convs = nn.ModuleList(DepthwiseBlock(inner, kernel, 1, dimensions=1) for kernel in CONTEXT_KERNELS)
        self.attention = AttentionLayer(inner)
        self.expand = nn.Conv1d(inner, channels, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        inner = mask_frames(self.norm(self.reduce(x)), mask)
        for conv in self.convs:
            inner = conv(inner, mask)
        return mask_frames(x + self.expand(self.attention(inner, mask)), mask)
