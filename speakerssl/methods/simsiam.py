"""SimSiam: BYOL without a teacher; what is predicted gets no gradient (Chen and He 2021, arXiv 2011.10566).

loss = -1/2 cos(predictor(z), stop(z')) - 1/2 cos(predictor(z'), stop(z)).
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.byol import mean_cosine
from speakerssl.methods.heads import build_mlp
from speakerssl.methods.views import at_least

PROJECTOR = {"hidden_dim": 2048, "out_dim": 2048, "layers": 3}
PREDICTOR = {"hidden_dim": 512, "layers": 2}


class SimSiam(Method):
    """Its collapse is the loss of -1 with a spread near 0, which the collapse monitor sees."""

    def __init__(self, encoder: Encoder, projector: nn.Module, predictor: nn.Module) -> None:
        super().__init__()
        self.encoder, self.projector, self.predictor = encoder, projector, predictor

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("simsiam", batch.views, 2, "views.num_global")
        embeddings = [self.encoder(view) for view in batch.views[:2]]
        first, second = (self.projector(embedding) for embedding in embeddings)
        predicted = self.predictor(first), self.predictor(second)
        cosine = (mean_cosine(predicted[0], second.detach()) + mean_cosine(predicted[1], first.detach())) / 2
        return self.with_diagnostics(
            LossOutput(-cosine, {"target_cosine": cosine.item()}), embeddings[0], embeddings[1], batch, step
        )


@register("simsiam")
def build_simsiam(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim 2048, out_dim 2048, layers 3}, predictor {hidden_dim 512, layers 2}."""
    check_options("simsiam", options, ("projector", "predictor"))
    no_loss("simsiam", loss)
    chosen = options.get("projector", {})
    projector, dim = build_mlp("simsiam projector", encoder.embed_dim, chosen, PROJECTOR, last_norm=True)
    predictor, _ = build_mlp("simsiam predictor", dim, options.get("predictor", {}), {**PREDICTOR, "out_dim": dim})
    return SimSiam(encoder, projector, predictor)
