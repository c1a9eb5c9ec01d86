"""CAM++: a densely connected TDNN whose layers are gated by their context (Wang et al. 2023, arXiv 2303.00332)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.campplus_layers import ContextGatedConv, ConvolutionHead
from speakerssl.encoders.campplus_windows import embed_by_layers
from speakerssl.encoders.masking import at_least_float32, batch_norm, mask_frames, mask_of, masked_mean, strided_lengths
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError


class DenseLayer(nn.Module):
    """BN, ReLU, 1x1 convolution, BN, ReLU, gated convolution: [B, C, T] -> [B, growth, T]."""

    def __init__(self, inputs: int, hidden: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm1d(inputs)
        self.reduce = nn.Conv1d(inputs, hidden, 1, bias=False)
        self.norm2 = nn.BatchNorm1d(hidden)
        self.conv = ContextGatedConv(hidden, growth, dilation)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.conv(self.hidden(x, mask), mask)

    def hidden(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """What is convolved: [B, C, T] -> [B, hidden, T], each frame by itself."""
        x = self.reduce(torch.relu(batch_norm(self.norm1, x, mask)))
        return mask_frames(torch.relu(batch_norm(self.norm2, x, mask)), mask)


class Transition(nn.Module):
    """BN, ReLU and a 1x1 convolution that halves the channels of x [B, C, T]."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs)
        self.conv = nn.Conv1d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return mask_frames(self.conv(torch.relu(batch_norm(self.norm, x, mask))), mask)


@register("campplus")
class CamPlusPlus(Encoder):
    """A 2-D convolutional head, dense blocks of gated TDNN layers, mean and deviation, and a normalized linear layer.

    Each layer adds `growth` channels to those before it; a transition halves them after each block. The first layer
    halves the frame rate. 6,848,544 parameters at 80 mel bins, as 3D-Speaker's model of 192 dimensions has.

    Args:
        feat_dim: F, values a frame.
        head_channels: of the 2-D convolutions, which keep time and divide frequency by eight.
        channels: of the first TDNN layer.
        growth: channels that a dense layer adds.
        bottleneck: hidden channels of a dense layer, as a multiple of `growth`.
        layers: dense layers in each block.
        dilations: of the blocks, in frames.
        embed_dim: D.
    """

    min_frames = 3  # two are left after the stride, the least that a standard deviation can be taken of

    def __init__(
        self,
        feat_dim: int,
        head_channels: int = 32,
        channels: int = 128,
        growth: int = 32,
        bottleneck: int = 4,
        layers: tuple[int, ...] = (12, 24, 16),
        dilations: tuple[int, ...] = (1, 2, 2),
        embed_dim: int = 192,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if len(layers) != len(dilations) or min(*layers, *dilations, head_channels, channels, growth, bottleneck) < 1:
            raise InputError("campplus: layers and dilations must be as many numbers each, all options at least 1")
        self.head = ConvolutionHead(head_channels)
        self.tdnn = nn.Conv1d(head_channels * -(-feat_dim // 8), channels, 5, stride=2, padding=2, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for count, dilation in zip(layers, dilations):
            sizes = range(channels, channels + count * growth, growth)
            self.blocks.append(nn.ModuleList(DenseLayer(size, bottleneck * growth, growth, dilation) for size in sizes))
            channels += count * growth
            self.transitions.append(Transition(channels))
            channels //= 2
        self.out_norm = nn.BatchNorm1d(channels)
        self.embedding = nn.Linear(2 * channels, embed_dim, bias=False)
        self.embedding_norm = nn.BatchNorm1d(embed_dim, affine=False)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = self.stem(feats, lengths)
        mask = mask_of(strided_lengths(lengths, 2), x)
        for block, transition in zip(self.blocks, self.transitions):
            for layer in block:  # type: ignore[attr-defined]  # a ModuleList, whatever ModuleList's items are said to be
                x = torch.cat([x, layer(x, mask)], dim=1)
            x = transition(x, mask)
        x = at_least_float32(mask_frames(torch.relu(batch_norm(self.out_norm, x, mask)), mask))
        frames = x.shape[2] if mask is None else mask.sum(dim=1, keepdim=True)
        mean = masked_mean(x, mask)
        variance = masked_mean((x - mean[:, :, None]).square(), mask) * (frames / (frames - 1))
        return self.from_moments(mean, variance)

    def stem(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The 2-D head and the first TDNN layer: feats [B, T, F] -> [B, channels, ceil(T / 2)]."""
        x = self.tdnn(self.head(feats.transpose(1, 2)[:, None], lengths))
        mask = mask_of(strided_lengths(lengths, 2), x)
        return mask_frames(torch.relu(batch_norm(self.norm, x, mask)), mask)

    def from_moments(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The embeddings [B, D] of mean and unbiased variance [B, C] over the real frames."""
        deviation = functional.relu(variance - 1e-10).add(1e-10).sqrt()
        return self.embedding_norm(self.embedding(torch.cat([mean, deviation], dim=1)))

    def embed_long(self, read: Callable[[int, int], Tensor], num_frames: int) -> Tensor:
        """`campplus_windows.embed_by_layers`."""
        return embed_by_layers(self, read, num_frames)
