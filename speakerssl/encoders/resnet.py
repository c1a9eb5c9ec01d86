"""ResNet encoders: the features as a one-channel image [B, 1, F, T], then pooling over time."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.blocks import BasicBlock, BottleneckBlock, relu_and_norm
from speakerssl.encoders.masking import at_least_float32, mask_frames, mask_of, masked_mean, strided_lengths
from speakerssl.encoders.pooling import build_pooling
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError

BLOCKS = (3, 4, 6, 3)


class ResNet(Encoder):
    """Stem, stages of residual blocks with C, 2C, 4C, ... channels, pooling, linear embedding.

    Args:
        feat_dim: F, values a frame.
        channels: C.
        embed_dim: D.
        pooling: a name from `POOLINGS`.
        counts: blocks in each stage; by default those of ResNet-34.
        strides: of the stages, over both axes.
        stem_kernel: size of the stem's kernel, over both axes (odd).
        stem_stride: (over F, over T).
        stem_bias: whether the stem's convolution has a bias.
        se_reduction: of the squeeze-and-excitation of all blocks; 0 for none.
        relu_first: ReLU before BN within the blocks, and within the stem unless `stem_relu_first` says otherwise.
        frequency_mean: pool the mean over F, as many values as channels a frame, and not all channels x F'.
        instance_norm: normalize the mean and variance of each feature over the recording first.
        bottleneck: blocks of ResNet-50 and deeper, four times as wide at their ends; without squeeze-and-excitation.
        second_layer: ReLU and a second linear layer [D, D] give the embedding.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: int,
        embed_dim: int,
        pooling: str,
        counts: Sequence[int] = BLOCKS,
        strides: Sequence[int] = (1, 2, 2, 2),
        stem_kernel: int = 3,
        stem_stride: tuple[int, int] = (1, 1),
        stem_bias: bool = False,
        se_reduction: int = 0,
        relu_first: bool = False,
        frequency_mean: bool = False,
        instance_norm: bool = False,
        stem_relu_first: bool | None = None,
        bottleneck: bool = False,
        second_layer: bool = False,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if channels < 1:
            raise InputError(f"resnet: channels must be at least 1, not {channels}")
        if not counts or len(counts) != len(strides) or min(*counts, *strides, *stem_stride) < 1:
            raise InputError("resnet: counts and strides must be at least 1, and as many of one as of the other")
        if bottleneck and (se_reduction or relu_first):
            raise InputError("resnet: bottleneck blocks have neither squeeze-and-excitation nor ReLU before BN")
        self.stem_stride = stem_stride
        self.stem_relu_first = relu_first if stem_relu_first is None else stem_relu_first
        self.frequency_mean = frequency_mean
        self.instance_norm = instance_norm
        padding = stem_kernel // 2
        self.stem = nn.Conv2d(1, channels, stem_kernel, stride=stem_stride, padding=padding, bias=stem_bias)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList()
        self.block_strides: list[int] = []
        inputs, bins = channels, _ceil_div(feat_dim, stem_stride[0])
        context, seen, frame_bytes = padding, stem_stride[1], 20 * channels * bins // stem_stride[1]
        frame_bytes *= BottleneckBlock.EXPANSION if bottleneck else 1
        for stage, (count, stride) in enumerate(zip(counts, strides)):
            width = channels * 2**stage
            for i in range(count):
                step = stride if i == 0 else 1
                if bottleneck:
                    self.blocks.append(BottleneckBlock(inputs, width, step))
                else:
                    self.blocks.append(BasicBlock(inputs, width, step, se_reduction, relu_first))
                self.block_strides.append(step)
                context, seen = context + seen * (1 + step), seen * step
                inputs = width * (BottleneckBlock.EXPANSION if bottleneck else 1)
            bins = _ceil_div(bins, stride)
        self.reach = Reach(context, stride=seen, frame_bytes=frame_bytes)
        self.pooling = build_pooling(pooling, inputs if frequency_mean else inputs * bins)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)
        self.second = nn.Linear(embed_dim, embed_dim) if second_layer else None
        self._init_convolutions()
        if channels % 8 == 0:  # oneDNN's channels-last backward pass corrupts memory with 4 channels
            # A training step on a CPU is a fifth faster (tools/benchmarks/layout.py); the image has one channel, so
            # the weights' layout decides.
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # known to torch, not its types

    def _init_convolutions(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x, lengths = self.frames(feats, lengths)
        embedding = self.embedding(self.pooling(x, lengths))
        return embedding if self.second is None else self.second(torch.relu(embedding))

    def frames(self, feats: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """What is pooled: feats [B, T, F] -> [B, C' (x F'), T'], and the valid frames of each row of it."""
        x = feats.transpose(1, 2)  # [B, F, T]
        if self.instance_norm:
            x = normalize_instances(x, mask_of(lengths, x))
        x = self.stem(x.unsqueeze(1))
        lengths = strided_lengths(lengths, self.stem_stride[1])
        mask = mask_of(lengths, x)
        x = relu_and_norm(x, self.stem_norm, mask, self.stem_relu_first)
        for block, stride in zip(self.blocks, self.block_strides):
            before = mask
            if stride != 1:
                lengths = strided_lengths(lengths, stride)
                mask = mask_of(lengths, x[..., ::stride])
            x = block(x, before, mask) if isinstance(block, BottleneckBlock) else block(x, mask)
        return (x.mean(dim=2) if self.frequency_mean else x.flatten(1, 2)), lengths


def normalize_instances(x: Tensor, mask: Tensor | None, eps: float = 1e-5) -> Tensor:
    """Zero mean and unit variance over each row's real frames: x [B, F, T] -> [B, F, T], zeros in the padding."""
    x = at_least_float32(x)
    centred = x - masked_mean(x, mask)[:, :, None]
    variance = masked_mean(centred.square(), mask)[:, :, None]
    return mask_frames(centred * torch.rsqrt(variance + eps), mask)


def _ceil_div(value: int, divisor: int) -> int:
    return -(-value // divisor)


@register("thin_resnet34")
def thin_resnet34(
    feat_dim: int,
    channels: int = 16,
    embed_dim: int = 512,
    pooling: str = "attentive_mean",
    instance_norm: bool = True,
) -> ResNet:
    """The seed paper's encoder (Lepage and Dehak 2023, arXiv 2306.03664): 1,846,822 parameters at 40 mel bins.

    What fixes the count: the stem's 3x3 convolution has a bias (the 16 that make the difference), all others
    none; the gates of squeeze-and-excitation (r=8) have biases; pooling takes all 128 x 5 values a frame through
    a channel-wise attention with a bottleneck of 128, biases and one BN.
    """
    return ResNet(
        feat_dim,
        channels,
        embed_dim,
        pooling,
        stem_bias=True,
        se_reduction=8,
        relu_first=True,
        instance_norm=instance_norm,
    )


@register("thin_resnet34_large")
def thin_resnet34_large(
    feat_dim: int,
    channels: int = 32,
    embed_dim: int = 1024,
    pooling: str = "attentive_mean",
    instance_norm: bool = True,
) -> ResNet:
    """`thin_resnet34` with twice the channels and embedding: 7,045,196 parameters at 40 mel bins."""
    return thin_resnet34(feat_dim, channels, embed_dim, pooling, instance_norm)


@register("fast_resnet34")
def fast_resnet34(
    feat_dim: int,
    channels: int = 16,
    embed_dim: int = 512,
    pooling: str = "self_attentive",
    instance_norm: bool = True,
    frequency_mean: bool = True,
) -> ResNet:
    """Fast ResNet-34 (Chung et al. 2020, arXiv 2003.11982): 1,437,078 parameters at 40 mel bins, or any number.

    What fixes the count: no convolution has a bias, the stem's neither; the mean over frequency leaves 128 values
    a frame (without `frequency_mean` all bins are pooled); self-attentive pooling is a 128 x 128 linear layer with
    bias and one context vector of 128. BN comes before ReLU in the stem, after it in the blocks.
    """
    return ResNet(
        feat_dim,
        channels,
        embed_dim,
        pooling,
        strides=(1, 2, 2, 1),
        stem_kernel=7,
        stem_stride=(2, 1),
        se_reduction=8,
        relu_first=True,
        frequency_mean=frequency_mean,
        instance_norm=instance_norm,
        stem_relu_first=False,
    )


@register("rvector_resnet34")
def rvector_resnet34(
    feat_dim: int,
    channels: int = 32,
    embed_dim: int = 256,
    pooling: str = "statistics",
    instance_norm: bool = False,
) -> ResNet:
    """The r-vector ResNet34 of the BUT system (Zeinali et al. 2019, arXiv 1910.12592), as wespeaker trains it.

    6,634,336 parameters at 80 mel bins. No squeeze-and-excitation, no bias in any convolution.
    """
    return ResNet(feat_dim, channels, embed_dim, pooling, instance_norm=instance_norm)


# Blocks of each stage by the number of layers, as wespeaker trains them; from 50 on blocks are bottlenecks.
DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    221: (6, 16, 48, 3),
    293: (10, 20, 64, 3),
}


@register("rvector_resnet")
def rvector_resnet(
    feat_dim: int,
    depth: int = 34,
    channels: int = 32,
    embed_dim: int = 256,
    pooling: str = "unbiased_statistics",
    second_layer: bool = False,
) -> ResNet:
    """wespeaker's ResNets of any published depth: 18, 34, 50, 101, 152, 221 or 293 layers.

    `rvector_resnet34` at depth 34. 23.8 million parameters at depth 221 and 28.6 at 293 (80 mel bins).

    Args:
        feat_dim: F, values a frame.
        depth: layers.
        channels: C of the stem and the first stage.
        embed_dim: D.
        pooling: a name from `POOLINGS`.
        second_layer: ReLU and a second linear layer give the embedding.
    """
    if depth not in DEPTHS:
        raise InputError(f"rvector_resnet: depth is {depth}; it can be {', '.join(map(str, DEPTHS))}")
    counts = DEPTHS[depth]
    return ResNet(
        feat_dim, channels, embed_dim, pooling, counts=counts, bottleneck=depth >= 50, second_layer=second_layer
    )
