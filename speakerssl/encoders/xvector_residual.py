"""A deep and wide x-vector TDNN with residual connections: the "BIG-DNN" of BUT's VoxSRC 2019 systems."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import batch_norm, mask_of
from speakerssl.encoders.pooling import build_pooling
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError


@register("residual_xvector")
class ResidualXVector(Encoder):
    """Thirteen TDNN layers (convolution, ReLU, BN), statistics pooling, and the linear layer that is the embedding.

    arXiv 1910.12592 describes an x-vector network with more layers and units than Kaldi's and with residual
    connections. The layout here is this project's (unverified): layers that see more frames alternate with layers
    that see one, as in E-TDNN (Snyder et al. 2019), and each such pair adds its input to its output where the sizes
    are equal. The convolutions are not padded, so that a recording needs 37 frames.

    Args:
        feat_dim: F, values a frame.
        channels: of the layers but the last.
        last_channels: of the last layer, before pooling.
        kernel_sizes: of the layers, in taps (odd).
        dilations: of the layers, in frames between taps.
        pooling: a name from `POOLINGS`.
        embed_dim: D.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: int = 1024,
        last_channels: int = 2000,
        kernel_sizes: Sequence[int] = (5, 1, 5, 1, 3, 1, 3, 1, 3, 1, 1, 1, 1),
        dilations: Sequence[int] = (1, 1, 2, 1, 3, 1, 4, 1, 5, 1, 1, 1, 1),
        pooling: str = "statistics",
        embed_dim: int = 256,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if not kernel_sizes or len(kernel_sizes) != len(dilations) or any(k % 2 == 0 for k in kernel_sizes):
            raise InputError("residual_xvector: kernel_sizes must be odd, and dilations as many")
        if min(channels, last_channels, *kernel_sizes, *dilations) < 1:
            raise InputError("residual_xvector: sizes and dilations must be at least 1")
        sizes = (feat_dim, *[channels] * (len(kernel_sizes) - 1), last_channels)
        self.convs = nn.ModuleList(
            nn.Conv1d(i, o, k, dilation=d) for i, o, k, d in zip(sizes, sizes[1:], kernel_sizes, dilations)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in sizes[1:])
        self.lost_frames = [d * (k - 1) for k, d in zip(kernel_sizes, dilations)]
        self.min_frames = 1 + sum(self.lost_frames)
        self.reach = Reach(0, lost=sum(self.lost_frames), frame_bytes=16 * max(channels, last_channels))
        self.pooling = build_pooling(pooling, last_channels)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = feats.transpose(1, 2)
        shortcut, lost_since = x, 0
        for number, (conv, norm, lost) in enumerate(zip(self.convs, self.norms, self.lost_frames)):
            x = torch.relu(conv(x))
            lengths = None if lengths is None else lengths - lost
            x = batch_norm(norm, x, mask_of(lengths, x))
            lost_since += lost
            if number % 2:  # the end of a pair
                if shortcut.shape[1] == x.shape[1]:
                    x = x + shortcut[:, :, lost_since // 2 : shortcut.shape[2] - lost_since // 2]
                shortcut, lost_since = x, 0
        return self.embedding(self.pooling(x, lengths))
