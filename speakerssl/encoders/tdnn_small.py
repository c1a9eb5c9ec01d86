"""A small residual TDNN that trains on two CPU cores: the stem strides, so that all else sees few frames."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.blocks import SqueezeExcitation
from speakerssl.encoders.masking import batch_norm, mask_frames, mask_of, strided_lengths
from speakerssl.encoders.pooling import build_pooling
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError


def time_conv(inputs: int, outputs: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A "same" convolution over time as a 2-D one: on CPU channels-last layout is faster and only 2-D has it."""
    return nn.Conv2d(
        inputs,
        outputs,
        (1, kernel_size),
        stride=(1, stride),
        padding=(0, dilation * (kernel_size // 2)),
        dilation=(1, dilation),
        bias=False,
    )


class TDNNBlock(nn.Module):
    """x + SE(relu(BN(conv(x)))) on [B, C, 1, T]; zeros in the padding stay zeros."""

    def __init__(self, channels: int, dilation: int, se: bool) -> None:
        super().__init__()
        self.conv = time_conv(channels, channels, 3, dilation=dilation)
        self.norm = nn.BatchNorm2d(channels)
        self.se = SqueezeExcitation(channels) if se else None

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        out = mask_frames(torch.relu(batch_norm(self.norm, self.conv(x), mask)), mask)
        return x + (out if self.se is None else self.se(out, mask))


@register("small_tdnn")
class SmallTDNN(Encoder):
    """Strided stem, residual TDNN blocks, their outputs joined, pooling, and a linear embedding layer.

    The defaults have 527,744 parameters at 64 mel bins. Time is spent in proportion to frames x weights, so
    `stride` is what makes it fast: with 8 the blocks see one frame in 80 ms, and a training step costs little
    more than half of that with 4.

    Args:
        feat_dim: F, values a frame.
        channels: width of the stem and of the blocks.
        blocks: number of residual blocks.
        stride: frames a step of the stem; the blocks see T / stride frames.
        kernel_size: frames that the stem sees at once (odd).
        dilations: of the blocks' kernels of 3, repeated when there are more blocks.
        se: squeeze-and-excitation in each block.
        aggregate_dim: all blocks' outputs side by side through a 1x1 convolution to this size; 0: the last alone.
        pooling: a name from `POOLINGS`.
        bottleneck: hidden size of the attention.
        embed_dim: D.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: int = 128,
        blocks: int = 4,
        stride: int = 8,
        kernel_size: int = 11,
        dilations: Sequence[int] = (1, 1, 2, 2),
        se: bool = True,
        aggregate_dim: int = 192,
        pooling: str = "attentive_statistics",
        bottleneck: int = 64,
        embed_dim: int = 256,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        sizes = (channels, blocks, stride, bottleneck, kernel_size, *dilations)
        if min(sizes) < 1 or not dilations or kernel_size % 2 == 0 or aggregate_dim < 0:
            raise InputError(
                "small_tdnn: sizes and dilations must be at least 1, kernel_size odd, aggregate_dim not below 0"
            )
        self.stride = stride
        seen = sum(dilations[i % len(dilations)] for i in range(blocks))
        wide = channels * (blocks + 4) + 8 * (aggregate_dim or channels)
        self.reach = Reach(kernel_size // 2 + stride * seen, stride=stride, frame_bytes=4 * (feat_dim + wide // stride))
        self.stem = time_conv(feat_dim, channels, kernel_size, stride)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(TDNNBlock(channels, dilations[i % len(dilations)], se) for i in range(blocks))
        self.aggregate = nn.Linear(channels * blocks, aggregate_dim) if aggregate_dim else None
        self.pooling = build_pooling(pooling, aggregate_dim or channels, bottleneck)
        self.pooled_norm = nn.BatchNorm1d(self.pooling.out_dim)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        # [B, T, F] seen as [B, F, 1, T] is channels-last already: nothing is copied.
        x = self.stem(feats.transpose(1, 2).unsqueeze(2))
        lengths = strided_lengths(lengths, self.stride)
        mask = mask_of(lengths, x)
        x = mask_frames(torch.relu(batch_norm(self.stem_norm, x, mask)), mask)
        outputs = []
        for block in self.blocks:
            x = block(x, mask)
            outputs.append(x)
        x = x.squeeze(2)
        if self.aggregate is not None:
            frames = torch.cat(outputs, dim=1).squeeze(2).transpose(1, 2)  # [B, T, C * blocks]
            x = torch.relu(self.aggregate(frames)).transpose(1, 2)
        return self.embedding(self.pooled_norm(self.pooling(x, lengths)))
