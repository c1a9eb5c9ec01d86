"""SDPN: self-distillation through prototypes (Chen et al. 2023, arXiv 2308.02774).

targets  Sinkhorn of cos(teacher projection, prototypes) / tau_t over the batch, global views
student  softmax of cos(projection, prototypes) / tau_s, all views
loss     cross-entropy between different views + koleo x KoLeo on the student's global projections

1,024 prototypes and KoLeo 0.1 are the paper's; tau_s 0.1, and tau_t 0.025 (its sharpening of 0.25 on top of 0.1),
are those of public code. Where that regularizes the mean assignment, KoLeo spreads the projections here.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput, gather, koleo
from speakerssl.losses.options import check_range, renamed_option
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.dino import exported_encoder
from speakerssl.methods.distillation import cross_view_entropy, target_numbers
from speakerssl.methods.heads import Prototypes, build_mlp
from speakerssl.methods.momentum import (
    MOMENTUM_OPTIONS,
    MomentumMethod,
    MomentumSchedule,
    build_momentum,
    teacher_of,
)
from speakerssl.methods.sinkhorn import sinkhorn
from speakerssl.methods.views import at_least, join_views

DEFAULTS = {
    "prototypes": 1024,
    "student_temperature": 0.1,
    "teacher_temperature": 0.025,
    "iterations": 3,
    "koleo": 0.1,
}


class SDPN(MomentumMethod):
    """The prototypes are shared by student and teacher, and learnt through the student alone."""

    def __init__(
        self,
        encoder: Encoder,
        projector: nn.Module,
        dim: int,
        momentum: MomentumSchedule,
        export_encoder: str = "teacher",
        **options: float,
    ) -> None:
        super().__init__(momentum)
        chosen = {**DEFAULTS, **options}
        for name, value in chosen.items():
            check_range(f"sdpn '{name}'", value, 1e-4 if name.endswith("temperature") else 0)
        self.encoder, self.projector, self.export_encoder = encoder, projector, export_encoder
        self.teacher, self.teacher_projector = teacher_of(encoder), teacher_of(projector)
        self.prototypes = Prototypes(dim, int(chosen["prototypes"]))
        self.student_temperature, self.teacher_temperature = (
            chosen["student_temperature"],
            chosen["teacher_temperature"],
        )
        self.iterations, self.koleo = int(chosen["iterations"]), chosen["koleo"]

    def teacher_student_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        return [(self.teacher, self.encoder), (self.teacher_projector, self.projector)]

    def final_encoder(self) -> Encoder:
        return self.teacher if self.export_encoder == "teacher" else self.encoder

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("sdpn", batch.views, 2, "views.num_global")
        with torch.no_grad():
            taught = [self.teacher_projector(x) for x in join_views(self.teacher, batch.views[:2])]
            targets = [sinkhorn(self.prototypes(x), self.teacher_temperature, self.iterations) for x in taught]
        embeddings = join_views(self.encoder, batch.views)
        projected = [self.projector(embedding) for embedding in embeddings]
        loss = cross_view_entropy(targets, [self.prototypes(x) / self.student_temperature for x in projected])
        logs = target_numbers(targets)
        if self.koleo:
            spread = spread_of(projected[:2])
            loss = loss + self.koleo * spread
            logs["regularizer/koleo"] = spread.item()
        return self.with_diagnostics(LossOutput(loss, logs), embeddings[0], embeddings[1], batch, step)


def spread_of(views: list[Tensor]) -> Tensor:
    """KoLeo of unit projections [N, D] of all processes, averaged over views, in float32."""
    with torch.autocast(views[0].device.type, enabled=False):
        units = [nn.functional.normalize(gather(promote(view)), dim=1) for view in views]
        return torch.stack([koleo(unit) for unit in units]).mean()


@register("sdpn")
def build_sdpn(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim 2048, out_dim 256, layers 3}, export_encoder, momentum (0.996 to 1), DEFAULTS."""
    options = renamed_option("method sdpn", options, "keep", "export_encoder")
    check_options("sdpn", options, ("projector", "export_encoder", *DEFAULTS, *MOMENTUM_OPTIONS))
    no_loss("sdpn", loss)
    default = {"hidden_dim": 2048, "out_dim": 256, "layers": 3}
    projector, dim = build_mlp("sdpn projector", encoder.embed_dim, options.get("projector", {}), default)
    own = {key: options[key] for key in DEFAULTS if key in options}
    momentum = build_momentum(options, 0.996, 1.0)
    return SDPN(encoder, projector, dim, momentum, exported_encoder("sdpn", options), **own)
