"""speechbrain's ResNet for speaker verification: blocks that normalize first, attentive statistics, two norms."""

from collections.abc import Sequence

from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.blocks import SqueezeExcitation, relu_and_norm
from speakerssl.encoders.masking import batch_norm, mask_frames, mask_of, strided_lengths
from speakerssl.encoders.pooling import AttentiveStatisticsPooling
from speakerssl.encoders.reach import Reach
from speakerssl.encoders.registry import register
from speakerssl.errors import InputError


class PreactivatedBlock(nn.Module):
    """BN, ReLU, convolution, three times (3x3, 3x3, 1x1), and a shortcut: [B, C, F, T] -> [B, C', F/s, T/s].

    `se` ends it with squeeze-and-excitation without a bottleneck. He et al. 2016, arXiv 1603.05027.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, se: bool) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.conv3 = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.se = SqueezeExcitation(outputs, 1) if se else None
        self.shortcut: nn.Conv2d | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, before: Tensor | None, mask: Tensor | None) -> Tensor:
        """`before` [B, T] is the mask of x, `mask` that of the output."""
        out = self.conv1(relu_and_norm(x, self.norm1, before, False))
        out = self.conv2(relu_and_norm(out, self.norm2, mask, False))
        out = self.conv3(relu_and_norm(out, self.norm3, mask, False))
        if self.se is not None:
            out = self.se(out, mask)
        if self.shortcut is not None:
            x = batch_norm(self.shortcut_norm, self.shortcut(x), mask)
        return mask_frames(out + x, mask)


@register("resnet_preactivated")
class PreactivatedResNet(Encoder):
    """speechbrain's `ResNet` (Rouvier and Bousquet 2021): 15,438,336 parameters at 80 mel bins.

    The features are an image of one channel; the blocks of the first two stages have squeeze-and-excitation. All bins
    and channels are pooled by attentive statistics; batch normalization stands before and after the linear layer.

    Args:
        feat_dim: F, values a frame.
        channels: of the four stages.
        counts: blocks of the four stages.
        strides: of the four stages, over both axes.
        attention_channels: bottleneck of the pooling.
        embed_dim: D.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: Sequence[int] = (128, 128, 256, 256),
        counts: Sequence[int] = (3, 4, 6, 3),
        strides: Sequence[int] = (1, 2, 2, 2),
        attention_channels: int = 128,
        embed_dim: int = 256,
    ) -> None:
        super().__init__(feat_dim, embed_dim)
        if not len(channels) == len(counts) == len(strides) == 4 or min(*channels, *counts, *strides) < 1:
            raise InputError("resnet_preactivated: channels, counts and strides must be four numbers of at least 1")
        self.stem = nn.Conv2d(1, channels[0], 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels[0])
        self.blocks, self.block_strides = nn.ModuleList(), []
        inputs, bins, context, seen = channels[0], feat_dim, 1, 1
        for stage, (outputs, count, stride) in enumerate(zip(channels, counts, strides)):
            for i in range(count):
                step = stride if i == 0 else 1
                self.blocks.append(PreactivatedBlock(inputs, outputs, step, se=stage < 2))
                self.block_strides.append(step)
                context, seen, inputs = context + seen * (1 + step), seen * step, outputs
            bins = -(-bins // stride)
        self.reach = Reach(context, stride=seen, frame_bytes=20 * channels[0] * feat_dim)
        self.pooling = AttentiveStatisticsPooling(inputs * bins, attention_channels)
        self.pooled_norm = nn.BatchNorm1d(self.pooling.out_dim)
        self.embedding = nn.Linear(self.pooling.out_dim, embed_dim)
        self.embedding_norm = nn.BatchNorm1d(embed_dim)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x = feats.transpose(1, 2)[:, None]
        mask = mask_of(lengths, x)
        x = relu_and_norm(self.stem(x), self.stem_norm, mask, False)
        for block, stride in zip(self.blocks, self.block_strides):
            before = mask
            if stride != 1:
                lengths = strided_lengths(lengths, stride)
                mask = mask_of(lengths, x[..., ::stride])
            x = block(x, before, mask)
        pooled = self.pooled_norm(self.pooling(x.flatten(1, 2), lengths))
        return self.embedding_norm(self.embedding(pooled))
