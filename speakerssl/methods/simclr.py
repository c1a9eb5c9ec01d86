"""SimCLR: both views through one encoder and projector into a contrastive loss (Chen et al. 2020).

With `symmetry: both_views` and an additive margin this is the seed paper's SNT-Xent-AM (Lepage and Dehak
2023, arXiv 2306.03664). The embedding is what comes before the projector.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput, build_loss
from speakerssl.methods.base import Method, check_options, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.heads import PROJECTOR, build_projector


class SimCLR(Method):
    """`projector: null` puts the loss on the embedding itself."""

    def __init__(self, encoder: Encoder, projector: nn.Module, loss: nn.Module) -> None:
        super().__init__()
        self.encoder, self.projector, self.loss = encoder, projector, loss

    def forward(self, batch: Batch, step: int) -> LossOutput:
        embeddings = [self.encoder(view) for view in batch.views[:2]]
        first, second = (self.projector(embedding) for embedding in embeddings)
        (second,), batch = self.sample_from_memory([second], batch, step)
        output = self.loss(first, second, step, self.identities(batch)[:2], reference=self.reference_embeddings(batch))
        return self.with_diagnostics(output, embeddings[0], embeddings[1], batch, step)


@register("simclr", masks=True, queues=True)
def build_simclr(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector (2048-256; null: the loss is on the embedding itself)."""
    check_options("simclr", options, ("projector",))
    projector, _ = build_projector(encoder.embed_dim, options.get("projector", PROJECTOR))
    return SimCLR(encoder, projector, build_loss(loss))
