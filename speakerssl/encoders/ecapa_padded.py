"""ECAPA-TDNN as wespeaker trains it: zeros beyond a recording's ends, no batch normalization before the pooling."""

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.blocks import SqueezeExcitation, relu_and_norm
from speakerssl.encoders.masking import mask_frames, mask_of
from speakerssl.encoders.pooling_context import TanhAttentiveStatistics
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError

DILATIONS = (2, 3, 4)


class ConvReluNorm(nn.Module):
    """A convolution of the same length, ReLU, BN: [B, C, T] -> [B, C', T], zeros in the padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return relu_and_norm(self.conv(x), self.norm, mask, relu_first=True)


class SeRes2Block(nn.Module):
    """1x1 layer, Res2Net (Gao et al. 2021), 1x1 layer, squeeze-and-excitation, and the input added: [B, C, T]."""

    def __init__(self, channels: int, dilation: int, scale: int, se_channels: int) -> None:
        super().__init__()
        self.scale = scale
        width = channels // scale
        self.first = ConvReluNorm(channels, channels)
        self.groups = nn.ModuleList(ConvReluNorm(width, width, 3, dilation) for _ in range(scale - 1))
        self.last = ConvReluNorm(channels, channels)
        self.se = SqueezeExcitation(channels)
        self.se.reduce = nn.Linear(channels, se_channels)
        self.se.expand = nn.Linear(se_channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        parts = self.first(x, mask).chunk(self.scale, dim=1)
        done: list[Tensor] = []
        for part, layer in zip(parts, self.groups):
            done.append(layer(part + done[-1] if done else part, mask))
        out = self.last(torch.cat([*done, parts[-1]], dim=1), mask)
        return mask_frames(x + self.se(out, mask), mask)


@register("ecapa_tdnn_padded")
class PaddedEcapaTDNN(Encoder):
    """wespeaker's ECAPA_TDNN (Desplanques et al. 2020): 5,797,504 parameters at 80 mel bins, 6,190,720 with `context`.

    `ecapa_tdnn` is speechbrain's: there convolutions reflect the recording at its ends, the last group of a Res2Net
    goes through and not the first, and the attention has a batch normalization. With `channels` 1024 and `context`
    this is `ECAPA_TDNN_GLOB_c1024`.

    Args:
        feat_dim: F, values a frame.
        channels: C of the TDNN and SE-Res2Net layers.
        pooled_channels: of the layer that is pooled.
        context: the attention of the pooling sees the recording's mean and deviation.
        attention_channels: bottleneck of the pooling.
        se_channels: bottleneck of squeeze-and-excitation.
        res2net_scale: groups of a Res2Net block; it divides C.
        embed_dim: D.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: int = 512,
        pooled_channels: int = 1536,
        context: bool = False,
        attention_channels: int = 128,
        se_channels: int = 128,
        res2net_scale: int = 8,
        embed_dim: int = 192,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        sizes = (channels, pooled_channels, attention_channels, se_channels)
        if min(sizes) < 1 or res2net_scale < 2 or channels % res2net_scale:
            raise InputError(
                f"ecapa_tdnn_padded: channels ({channels}) must be a multiple of res2net_scale ({res2net_scale}), "
                "which is at least 2; all sizes at least 1"
            )
        self.stem = ConvReluNorm(feat_dim, channels, 5)
        self.blocks = nn.ModuleList(SeRes2Block(channels, d, res2net_scale, se_channels) for d in DILATIONS)
        self.aggregation = nn.Conv1d(len(DILATIONS) * channels, pooled_channels, 1)
        self.pooling = TanhAttentiveStatistics(pooled_channels, attention_channels, context)
        self.pooled_norm = nn.BatchNorm1d(self.pooling.out_dim)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)
        # A Res2Net block adds one dilated convolution after the other, each to the next group.
        self.reach = Reach(2 + (res2net_scale - 1) * sum(DILATIONS), frame_bytes=48 * 3 * channels)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = feats.transpose(1, 2)
        mask = mask_of(lengths, x)
        x = self.stem(x, mask)
        outputs = []
        for block in self.blocks:
            x = block(x, mask)
            outputs.append(x)
        x = torch.relu(self.aggregation(torch.cat(outputs, dim=1)))
        return self.embedding(self.pooled_norm(self.pooling(x, lengths)))
