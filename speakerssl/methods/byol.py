"""BYOL: a predictor finds the momentum teacher's projection of the other view (Grill et al. 2020, arXiv 2006.07733).

loss = 2 - 2 cos(predictor(z), teacher z'), plus the same with the views exchanged.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.heads import build_mlp
from speakerssl.methods.momentum import (
    MOMENTUM_OPTIONS,
    MomentumMethod,
    MomentumSchedule,
    build_momentum,
    teacher_of,
)
from speakerssl.methods.views import at_least

SIZES = {"hidden_dim": 4096, "out_dim": 256, "layers": 2}


class BYOL(MomentumMethod):
    def __init__(
        self, encoder: Encoder, projector: nn.Module, predictor: nn.Module, momentum: MomentumSchedule
    ) -> None:
        super().__init__(momentum)
        self.encoder, self.projector, self.predictor = encoder, projector, predictor
        self.teacher, self.teacher_projector = teacher_of(encoder), teacher_of(projector)

    def teacher_student_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        return [(self.teacher, self.encoder), (self.teacher_projector, self.projector)]

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("byol", batch.views, 2, "views.num_global")
        embeddings = [self.encoder(view) for view in batch.views[:2]]
        predicted = [self.predictor(self.projector(embedding)) for embedding in embeddings]
        with torch.no_grad():
            targets = [self.teacher_projector(self.teacher(view)) for view in batch.views[:2]]
        cosine = (mean_cosine(predicted[0], targets[1]) + mean_cosine(predicted[1], targets[0])) / 2
        output = LossOutput(4 - 4 * cosine, {"target_cosine": cosine.item()})
        return self.with_diagnostics(output, embeddings[0], embeddings[1], batch, step)


def mean_cosine(first: Tensor, second: Tensor) -> Tensor:
    """The mean cosine of the rows of both [N, D], in float32 whatever the autocast."""
    with torch.autocast(first.device.type, enabled=False):
        return nn.functional.cosine_similarity(promote(first), promote(second)).mean()


@register("byol")
def build_byol(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector and predictor {hidden_dim 4096, out_dim 256, layers 2}, momentum 0.996 to 1."""
    check_options("byol", options, ("projector", "predictor", *MOMENTUM_OPTIONS))
    no_loss("byol", loss)
    projector, dim = build_mlp("byol projector", encoder.embed_dim, options.get("projector", {}), SIZES)
    predictor, _ = build_mlp("byol predictor", dim, options.get("predictor", {}), {**SIZES, "out_dim": dim})
    return BYOL(encoder, projector, predictor, build_momentum(options, 0.996, 1.0))
