"""SimCLR: both views through one encoder and projector into a contrastive loss (Chen et al. 2020).

With `symmetry: both_views` and an additive margin this is the seed paper's SNT-Xent-AM (Lepage and Dehak
2023, arXiv 2306.03664). The embedding is what comes before the projector.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from speakerssl.encoders import Encoder, Projector
from speakerssl.losses import LossOutput, build_loss
from speakerssl.methods.base import Method, check_options, register


class SimCLR(Method):
    """`projector: null` puts the loss on the embedding itself."""

    def __init__(self, encoder: Encoder, projector: nn.Module, loss: nn.Module) -> None:
        super().__init__()
        self.encoder, self.projector, self.loss = encoder, projector, loss

    def forward(self, views: list[Tensor], indices: Tensor, step: int) -> LossOutput:
        embeddings = [self.encoder(view) for view in views[:2]]
        first, second = (self.projector(embedding) for embedding in embeddings)
        output = self.loss(first, second, step, self.keys(indices))
        return self.observed(output, embeddings[0], embeddings[1], indices, step)


def build_projector(encoder: Encoder, config: Mapping[str, Any] | None) -> nn.Module:
    """`{hidden_dim: 2048, out_dim: 256}` or None for no projector."""
    return nn.Identity() if config is None else Projector(encoder.embed_dim, **config)


@register("simclr", masks_suspects=True)
def build_simclr(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    check_options("simclr", options, ("projector",))
    projector = options.get("projector", {"hidden_dim": 2048, "out_dim": 256})
    return SimCLR(encoder, build_projector(encoder, projector), build_loss(loss))
