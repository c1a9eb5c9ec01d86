"""ERes2Net: residual blocks of groups that feed each other, and stages fused from below (Chen et al. 2023)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import batch_norm, mask_frames, mask_of, strided_lengths
from speakerssl.encoders.pooling import build_pooling
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError

CEILING = 20.0  # of the activations inside the blocks
EXPANSION = 2
GROUPS = 2


class AttentiveFusion(nn.Module):
    """x (1 + a) + y (1 - a) with a = tanh of two 1x1 layers over both, of shape [B, C, F, T] as x and y are."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(2 * channels, channels // reduction, 1)
        self.norm1 = nn.BatchNorm2d(channels // reduction)
        self.expand = nn.Conv2d(channels // reduction, channels, 1)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None) -> Tensor:
        hidden = nn.functional.silu(batch_norm(self.norm1, self.reduce(torch.cat([x, y], dim=1)), mask))
        gate = torch.tanh(batch_norm(self.norm2, self.expand(hidden), mask))
        return mask_frames(x * (1.0 + gate) + y * (1.0 - gate), mask)


class GroupedBlock(nn.Module):
    """1x1, a 3x3 convolution for each of two groups, 1x1, and a shortcut: [B, C, F, T] -> [B, 2 width, F/s, T/s].

    The second group sees the sum of its input and the first one's output, or (`fused`) what attention makes of both.
    """

    def __init__(self, inputs: int, width: int, stride: int, fused: bool) -> None:
        super().__init__()
        self.group = width // 2
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, GROUPS * self.group, 1, stride=stride, bias=False)
        self.norm1 = nn.BatchNorm2d(GROUPS * self.group)
        self.convs = nn.ModuleList(nn.Conv2d(self.group, self.group, 3, padding=1, bias=False) for _ in range(GROUPS))
        self.norms = nn.ModuleList(nn.BatchNorm2d(self.group) for _ in range(GROUPS))
        self.fusions = nn.ModuleList(AttentiveFusion(self.group) for _ in range(GROUPS - 1)) if fused else None
        self.conv3 = nn.Conv2d(GROUPS * self.group, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`mask` [B, T / stride] is that of the output."""
        parts = _clipped(batch_norm(self.norm1, self.conv1(x), mask), mask).split(self.group, dim=1)
        done: list[Tensor] = []
        for i, (part, conv, norm) in enumerate(zip(parts, self.convs, self.norms)):
            if done:
                part = done[-1] + part if self.fusions is None else self.fusions[i - 1](done[-1], part, mask)
            done.append(_clipped(batch_norm(norm, conv(part), mask), mask))
        out = batch_norm(self.norm3, self.conv3(torch.cat(done, dim=1)), mask)
        if self.shortcut is not None:
            x = batch_norm(self.shortcut_norm, self.shortcut(x), mask)
        return _clipped(out + x, mask)


def _clipped(x: Tensor, mask: Tensor | None) -> Tensor:
    return mask_frames(x.clamp(0.0, CEILING), mask)


@register("eres2net")
class ERes2Net(Encoder):
    """3D-Speaker's (and wespeaker's) base ERes2Net (arXiv 2305.12838): 6,610,176 parameters at 80 mel bins.

    Stages as in a ResNet; the last two have attentive fusion inside their blocks; each stage's output, taken down by
    a strided convolution, is fused with that of the next. Mean and deviation over time, then a linear layer.

    Args:
        feat_dim: F, values a frame.
        channels: C of the stem, a multiple of 8.
        counts: blocks of the four stages.
        pooling: a name from `POOLINGS`.
        embed_dim: D.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: int = 32,
        counts: Sequence[int] = (3, 4, 6, 3),
        pooling: str = "unbiased_statistics",
        embed_dim: int = 192,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if channels < 8 or channels % 8 or len(counts) != 4 or min(counts) < 1:
            raise InputError("eres2net: channels must be a multiple of 8, and counts four numbers of at least 1")
        self.stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.stages, self.downsample, self.fusions = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        inputs, bins, context = channels, feat_dim, 1
        for stage, count in enumerate(counts):
            width, stride = channels * 2**stage, 2 if stage else 1
            steps = [stride] + [1] * (count - 1)
            self.stages.append(
                nn.ModuleList(
                    GroupedBlock(inputs if i == 0 else EXPANSION * width, width, step, fused=stage >= 2)
                    for i, step in enumerate(steps)
                )
            )
            inputs, bins, context = EXPANSION * width, -(-bins // stride), context + GROUPS * count * 2**stage
            if stage < 3:
                self.downsample.append(nn.Conv2d(inputs, 2 * inputs, 3, stride=2, padding=1, bias=False))
                self.fusions.append(AttentiveFusion(2 * inputs))
        # The three strided convolutions see up to four frames more on either side.
        self.reach = Reach(context + 8, stride=8, frame_bytes=40 * channels * feat_dim)
        self.pooling = build_pooling(pooling, inputs * bins)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = feats.transpose(1, 2)[:, None]
        mask = mask_of(lengths, x)
        x = mask_frames(torch.relu(batch_norm(self.stem_norm, self.stem(x), mask)), mask)
        below: Tensor | None = None
        for stage, blocks in enumerate(self.stages):
            if stage:
                lengths = strided_lengths(lengths, 2)
                mask = mask_of(lengths, x[..., ::2])
            for block in blocks:  # type: ignore[attr-defined]  # a ModuleList, whatever ModuleList's items are said to be
                x = block(x, mask)
            if below is None:
                below = x
            else:
                below = self.fusions[stage - 1](x, self.downsample[stage - 1](below), mask)
        assert below is not None
        return self.embedding(self.pooling(below.flatten(1, 2), lengths))
