"""The x-vector TDNN (Snyder et al. 2018)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import batch_norm, mask_of, pad_by_reflection
from speakerssl.encoders.pooling import build_pooling
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError


@register("xvector")
class XVector(Encoder):
    """Five TDNN layers (convolution, ReLU, BN), statistics pooling, and the linear layer that is the embedding.

    The convolutions are not padded: each layer loses dilation * (kernel - 1) frames, 14 in all, so that a
    recording needs 15. 4,211,604 parameters at 24 features, 4,354,964 at 80.

    Args:
        feat_dim: F, values a frame.
        channels: of the layers.
        kernel_sizes: of the layers, in taps.
        dilations: of the layers, in frames between taps.
        pooling: a name from `POOLINGS`.
        embed_dim: D.
        activation: relu, or leaky_relu with a slope of 0.01 below zero (speechbrain, sslsv).
        reflect: convolutions see the recording reflected at its ends and take no frames off (speechbrain).
        second_layer: ReLU and a second linear layer [D, D] give the embedding (wespeaker).
    """

    def __init__(
        self,
        feat_dim: int,
        channels: Sequence[int] = (512, 512, 512, 512, 1500),
        kernel_sizes: Sequence[int] = (5, 3, 3, 1, 1),
        dilations: Sequence[int] = (1, 2, 3, 1, 1),
        pooling: str = "statistics",
        embed_dim: int = 512,
        activation: Literal["relu", "leaky_relu"] = "relu",
        reflect: bool = False,
        second_layer: bool = False,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        sizes = (*channels, *kernel_sizes, *dilations)
        if not channels or not len(channels) == len(kernel_sizes) == len(dilations) or min(sizes) < 1:
            raise InputError("xvector: channels, kernel_sizes and dilations must be as many positive numbers each")
        inputs = (feat_dim, *channels[:-1])
        self.convs = nn.ModuleList(
            nn.Conv1d(i, o, k, dilation=d) for i, o, k, d in zip(inputs, channels, kernel_sizes, dilations)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in channels)
        self.lost_frames = [d * (k - 1) for k, d in zip(kernel_sizes, dilations)]
        self.reflect = reflect
        if reflect and any(lost % 2 for lost in self.lost_frames):
            raise InputError("xvector: with reflect all kernels must be odd")
        self.activation = nn.LeakyReLU() if activation == "leaky_relu" else nn.ReLU()
        # A reflection needs more frames than it makes.
        self.min_frames = 1 + (max(self.lost_frames) // 2 if reflect else sum(self.lost_frames))
        context, lost_in_all = (sum(self.lost_frames) // 2, 0) if reflect else (0, sum(self.lost_frames))
        self.reach = Reach(context, lost=lost_in_all, frame_bytes=16 * max(channels))
        self.pooling = build_pooling(pooling, channels[-1])
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)
        self.second = nn.Linear(embed_dim, embed_dim) if second_layer else None

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = feats.transpose(1, 2)
        for conv, norm, lost in zip(self.convs, self.norms, self.lost_frames):
            if self.reflect:
                x = pad_by_reflection(x, lost // 2, lengths)
            elif lengths is not None:
                lengths = lengths - lost
            x = self.activation(conv(x))
            x = batch_norm(norm, x, mask_of(lengths, x))
        embedding = self.embedding(self.pooling(x, lengths))
        return embedding if self.second is None else self.second(torch.relu(embedding))
