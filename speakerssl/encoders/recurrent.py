"""An encoder whose embedding is the last state of a recurrent network over frames, as CPC needs it."""

import torch
from torch import Tensor, nn

from speakerssl.encoders.registry import register
from speakerssl.encoders.resnet import ResNet
from speakerssl.errors import InputError


@register("fast_resnet34_gru")
class RecurrentResNet(ResNet):
    """Fast ResNet-34 without its pooling, then a GRU whose last state is the embedding (sslsv's encoder of CPC).

    `frame_embeddings` gives one vector every fourth frame; `aggregate` makes the embedding of them. CPC trains both.

    Args:
        feat_dim: F, values a frame.
        channels: C of the stem.
        frame_dim: size of a frame's vector.
        embed_dim: D, size of the GRU's state.
        layers: of the GRU.
        instance_norm: normalize the mean and variance of each feature over the recording first.
    """

    def __init__(
        self,
        feat_dim: int,
        channels: int = 16,
        frame_dim: int = 512,
        embed_dim: int = 256,
        layers: int = 1,
        instance_norm: bool = True,
    ) -> None:
        super().__init__(
            feat_dim,
            channels,
            frame_dim,
            "mean",  # not used: only the linear layer after it is
            strides=(1, 2, 2, 1),
            stem_kernel=7,
            stem_stride=(2, 1),
            se_reduction=8,
            relu_first=True,
            instance_norm=instance_norm,
            stem_relu_first=False,
        )
        if embed_dim < 1 or layers < 1:
            raise InputError("fast_resnet34_gru: embed_dim and layers must be at least 1")
        self.frame_dim, self.embed_dim = frame_dim, embed_dim
        self.gru = nn.GRU(frame_dim, embed_dim, layers, batch_first=True)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        x, lengths = self.frames(feats, lengths)
        return self.aggregate(self.embedding(x.transpose(1, 2)), lengths)

    def frame_embeddings(self, feats: Tensor) -> Tensor:
        """Vectors [B, T', frame_dim] of feats [B, T, F]."""
        return self.embedding(self.frames(feats, None)[0].transpose(1, 2))

    def aggregate(self, vectors: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The state [B, D] after the last of the `lengths` [B] valid vectors of [B, T', frame_dim]."""
        states, _ = self.gru(vectors)
        if lengths is None:
            return states[:, -1]
        return states[torch.arange(len(states), device=states.device), lengths.to(states.device) - 1]
