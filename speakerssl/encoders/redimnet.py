"""ReDimNet: the same values now as channels x bins, now as one long row a frame (Yakovlev et al. 2024)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import batch_norm, mask_frames, mask_of
from speakerssl.encoders.pooling_context import TanhAttentiveStatistics
from speakerssl.encoders.redimnet_layers import (
    HEADS,
    ChannelNorm,
    DepthwiseBlock,
    GroupedResBlock,
    TimeContext,
    groups_of,
)
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError


class StageSpec(NamedTuple):
    """Stride over frequency, 2-D blocks, their widening, and what the context over time divides them by (0: none)."""

    stride: int
    blocks: int
    widening: int
    reduction: int


class Variant(NamedTuple):
    """channels of the stem, whether blocks are residual (else depthwise), channels of a group, and the stages."""

    channels: int
    residual: bool
    group_size: int
    stages: tuple[StageSpec, ...]


def _stages(*rows: tuple[int, int, int, int]) -> tuple[StageSpec, ...]:
    return tuple(StageSpec(*row) for row in rows)


VARIANTS = {
    "b0": Variant(10, True, 1, _stages((1, 2, 1, 30), (2, 3, 2, 30), (1, 3, 3, 30), (2, 4, 2, 10), (1, 3, 1, 10))),
    "b1": Variant(12, False, 8, _stages((1, 2, 1, 0), (2, 3, 1, 0), (3, 4, 1, 12), (2, 5, 1, 12), (2, 3, 1, 8))),
    "b2": Variant(
        16, False, 4,
        _stages((1, 2, 1, 12), (2, 2, 1, 12), (1, 3, 1, 12), (2, 4, 1, 8), (1, 4, 1, 8), (2, 4, 1, 4)),
    ),
}  # fmt: skip


class Stage(nn.Module):
    """A strided convolution over frequency, 2-D blocks, and the context over time: [B, C, F, T] -> [B, C F, T]."""

    def __init__(self, channels: int, values: int, spec: StageSpec, variant: Variant) -> None:
        super().__init__()
        outputs, size = spec.stride * channels, variant.group_size
        wide = outputs * spec.widening
        self.down = nn.Conv2d(channels, wide, (spec.stride, 1), stride=(spec.stride, 1))
        self.blocks = nn.ModuleList(
            GroupedResBlock(wide, size) if variant.residual else DepthwiseBlock(wide, 3, size, dimensions=2)
            for _ in range(spec.blocks)
        )
        self.narrow: nn.Conv2d | None = None
        if spec.widening != 1:
            self.narrow = nn.Conv2d(wide, outputs, 3, padding=1, groups=groups_of(outputs, size))
            self.narrow_norm = nn.BatchNorm2d(outputs, eps=1e-6)
            self.narrow_mix = nn.Conv2d(outputs, outputs, 1)
        self.context = TimeContext(values, values // spec.reduction) if spec.reduction else None

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = mask_frames(self.down(x), mask)
        for block in self.blocks:
            x = block(x, mask)
        if self.narrow is not None:
            x = functional.gelu(batch_norm(self.narrow_norm, self.narrow(x), mask))
            x = mask_frames(self.narrow_mix(x), mask)
        row = to_row(x)
        return row if self.context is None else self.context(row, mask)


def to_row(x: Tensor) -> Tensor:
    """[B, C, F, T] -> [B, F C, T]: all channels of the first bin, then of the second, ..."""
    return x.transpose(1, 2).flatten(1, 2)


@register("redimnet")
class ReDimNet(Encoder):
    """ReDimNet (arXiv 2407.18223) B0, B1 or B2 as wespeaker has them, for 60, 72 and 72 mel bins.

    Each stage sees a weighted sum of the outputs of all stages before it, so does the attentive pooling at the end.

    Args:
        feat_dim: F, values a frame; a multiple of all strides of the variant together (4, 12, 8).
        variant: b0, b1 or b2.
        channels: of the stem; 0 for those of the variant.
        attention_channels: bottleneck of the pooling.
        embed_dim: D.
    """

    def __init__(
        self,
        feat_dim: int,
        variant: str = "b2",
        channels: int = 0,
        attention_channels: int = 128,
        embed_dim: int = 192,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if variant not in VARIANTS:
            raise InputError(f"redimnet: variant is '{variant}'; it can be {', '.join(VARIANTS)}")
        chosen = VARIANTS[variant]
        channels = channels or chosen.channels
        values, bins = channels * feat_dim, feat_dim
        self.stem, self.stem_norm = nn.Conv2d(1, channels, 3, padding=1), ChannelNorm(channels)
        self.stages, self.shapes = nn.ModuleList(), []
        for spec in chosen.stages:
            outputs = channels * spec.stride
            divides = bins % spec.stride == 0 and outputs % groups_of(outputs, chosen.group_size) == 0
            if not divides or (spec.reduction and (values // spec.reduction) % HEADS):
                raise InputError(
                    f"redimnet {variant}: {feat_dim} features and {channels} channels do not divide evenly"
                )
            self.shapes.append((channels, bins))
            self.stages.append(Stage(channels, values, spec, chosen))
            channels, bins = channels * spec.stride, bins // spec.stride
        # The first weighs a single output and stays 1.
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(i + 2, values)) for i in range(len(chosen.stages)))
        self.pooling = TanhAttentiveStatistics(values, attention_channels, context=True)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        mask = mask_of(lengths, feats.transpose(1, 2))
        x = self.stem_norm(self.stem(feats.transpose(1, 2)[:, None]))
        outputs = [mask_frames(to_row(x), mask)]
        row = outputs[0]
        for (channels, bins), stage, weights in zip(self.shapes, self.stages, self.weights):
            image = row.reshape(row.shape[0], bins, channels, -1).transpose(1, 2)
            outputs.append(stage(image, mask))
            shares = torch.softmax(weights, dim=0)
            row = torch.stack([share[:, None] * one for share, one in zip(shares, outputs)]).sum(dim=0)
        return self.embedding(self.pooling(row, lengths))
