"""The x-vector TDNN (Snyder et al. 2018)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import batch_norm, mask_of
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
    """

    def __init__(
        self,
        feat_dim: int,
        channels: Sequence[int] = (512, 512, 512, 512, 1500),
        kernel_sizes: Sequence[int] = (5, 3, 3, 1, 1),
        dilations: Sequence[int] = (1, 2, 3, 1, 1),
        pooling: str = "statistics",
        embed_dim: int = 512,
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
        self.min_frames = 1 + sum(self.lost_frames)
        self.reach = Reach(0, lost=sum(self.lost_frames), frame_bytes=16 * max(channels))
        self.pooling = build_pooling(pooling, channels[-1])
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = feats.transpose(1, 2)
        for conv, norm, lost in zip(self.convs, self.norms, self.lost_frames):
            x = torch.relu(conv(x))
            lengths = None if lengths is None else lengths - lost
            x = batch_norm(norm, x, mask_of(lengths, x))
        return self.embedding(self.pooling(x, lengths))
