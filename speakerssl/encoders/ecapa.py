"""ECAPA-TDNN (Desplanques et al. 2020, arXiv 2005.07143): speechbrain's network, exact on padded batches."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.masking import reflect_ends
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError

KERNEL_SIZES = [5, 3, 3, 3, 1]
DILATIONS = [1, 2, 3, 4, 1]
MAX_PADDING = max(d * (k // 2) for k, d in zip(KERNEL_SIZES, DILATIONS))


@register("ecapa_tdnn")
class EcapaTDNN(Encoder):
    """6,194,048 parameters at 80 mel bins. In train mode, BN's statistics count the padded frames.

    speechbrain's convolutions reflect a recording at its edges; here they do so at each recording's own end,
    not at the end of the padded batch. Parameters keep speechbrain's names below `network.`.

    Args:
        feat_dim: F, values a frame.
        channels: C of the TDNN and SE-Res2Net layers (the paper's are 512 and 1024); pooling sees 3C.
        attention_channels: bottleneck of the attentive statistics pooling.
        se_channels: bottleneck of squeeze-and-excitation.
        res2net_scale: groups of a Res2Net block; it divides C.
        embed_dim: D.
    """

    min_frames = MAX_PADDING + 1  # a reflection needs more frames than it makes

    def __init__(
        self,
        feat_dim: int,
        channels: int = 512,
        attention_channels: int = 128,
        se_channels: int = 128,
        res2net_scale: int = 8,
        embed_dim: int = 192,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if min(channels, attention_channels, se_channels, res2net_scale) < 1 or channels % res2net_scale:
            raise InputError(f"ecapa_tdnn: channels ({channels}) must be a multiple of res2net_scale ({res2net_scale})")
        # Imported here: speechbrain takes seconds to import, and no other encoder needs it.
        from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
        from speechbrain.nnet.CNN import Conv1d

        self.network = ECAPA_TDNN(
            feat_dim,
            lin_neurons=embed_dim,
            channels=[channels] * 4 + [3 * channels],
            kernel_sizes=KERNEL_SIZES,
            dilations=DILATIONS,
            attention_channels=attention_channels,
            res2net_scale=res2net_scale,
            se_channels=se_channels,
        )
        # A Res2Net block adds one dilated convolution after the other, each to the next group.
        chains = zip(KERNEL_SIZES[1:4], DILATIONS[1:4])
        seen = KERNEL_SIZES[0] // 2 + sum((res2net_scale - 1) * (k // 2) * d for k, d in chains)
        self.reach = Reach(seen, frame_bytes=48 * 3 * channels)
        self._lengths: Tensor | None = None
        for module in self.network.modules():
            if isinstance(module, Conv1d) and module.kernel_size > 1:
                module.register_forward_pre_hook(self._reflect)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            return self.network(feats).squeeze(1)
        feats = F.pad(feats, (0, 0, 0, MAX_PADDING))  # room for the longest recording's reflection too
        # speechbrain multiplies these by T and counts the frames below the product: half a frame off is safe.
        relative = (lengths.float() - 0.5) / feats.shape[1]
        self._lengths = lengths
        try:
            return self.network(feats, relative).squeeze(1)
        finally:
            self._lengths = None

    def _reflect(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor] | None:
        return None if self._lengths is None else (reflect_ends(inputs[0], self._lengths),)
