"""SDPN: self-distillation through prototypes (Chen et al. 2023, arXiv 2308.02774).

targets  Sinkhorn of cos(teacher projection, prototypes) / tau_t over the batch, global views
student  softmax of cos(projection, prototypes) / tau_s
loss     cross-entropy between different views + koleo x KoLeo of the student's views + me_max x (log K - H(p)), with p
         the mean of the student's assignments over views, batch and processes

1,024 prototypes and KoLeo 0.1 are the paper's; tau_s 0.1, and tau_t 0.025 (its sharpening of 0.25 on top of 0.1), are
those of 3D-Speaker's code (verified). With `teacher_views: 1` this is that code's own form: the teacher sees the one
global view and the student the local ones alone. There `koleo_on: embedding` spreads the encoder's embeddings, me_max
is 1, `assign: normalized` balances softmaxes and not their exponentials, and `learn_prototypes: false` leaves the
prototypes at their random start (the code makes them no parameters of its optimizer). All are options here.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import unknown_name
from speakerssl.losses import LossOutput, gather, koleo
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.dino import exported_encoder
from speakerssl.methods.distillation import cross_view_entropy, target_numbers
from speakerssl.methods.heads import DINOHead, Prototypes, build_mlp
from speakerssl.methods.momentum import (
    MOMENTUM_OPTIONS,
    MomentumMethod,
    MomentumSchedule,
    build_momentum,
    teacher_of,
)
from speakerssl.methods.sinkhorn import sinkhorn
from speakerssl.methods.views import at_least, join_views
from speakerssl.options import check_keys, check_range, renamed_option

DEFAULTS = {
    "prototypes": 1024,
    "student_temperature": 0.1,
    "teacher_temperature": 0.025,
    "iterations": 3,
    "koleo": 0.1,
    "me_max": 0.0,
}
CHOICES = {
    "teacher_views": (2, 1),
    "koleo_on": ("projection", "embedding"),
    "assign": ("exponential", "normalized"),
    "learn_prototypes": (True, False),
}  # the first of each is the default


class SDPN(MomentumMethod):
    """The prototypes are shared by student and teacher, and learnt through the student alone."""

    def __init__(
        self,
        encoder: Encoder,
        projector: nn.Module,
        dim: int,
        momentum: MomentumSchedule,
        export_encoder: str = "teacher",
        choices: Mapping[str, Any] | None = None,
        **options: float,
    ) -> None:
        super().__init__(momentum)
        chosen = {**DEFAULTS, **options}
        self.choices = {**{name: values[0] for name, values in CHOICES.items()}, **(choices or {})}
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
        self.me_max = chosen["me_max"]
        self.prototypes.requires_grad_(self.choices["learn_prototypes"])

    def teacher_student_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        return [(self.teacher, self.encoder), (self.teacher_projector, self.projector)]

    def final_encoder(self) -> Encoder:
        return self.teacher if self.export_encoder == "teacher" else self.encoder

    def forward(self, batch: Batch, step: int) -> LossOutput:
        teacher_views = self.choices["teacher_views"]
        at_least("sdpn", batch.views, 2, "views.num_global or views.num_local")
        with torch.no_grad():
            taught = [self.teacher_projector(x) for x in join_views(self.teacher, batch.views[:teacher_views])]
            targets = [self.assign(self.prototypes(x)) for x in taught]
        student = batch.views if teacher_views == 2 else batch.views[1:]
        embeddings = join_views(self.encoder, student)
        projected = [self.projector(embedding) for embedding in embeddings]
        logits = [self.prototypes(x) / self.student_temperature for x in projected]
        loss = cross_view_entropy(targets, logits, same_views=teacher_views == 2)
        logs = target_numbers(targets)
        for name, weight, term in self.regularizers(embeddings, projected, logits):
            loss = loss + weight * term
            logs[f"regularizer/{name}"] = term.item()
        first, second = embeddings[0], embeddings[min(1, len(embeddings) - 1)]
        return self.with_diagnostics(LossOutput(loss, logs), first, second, batch, step)

    def assign(self, cosines: Tensor) -> Tensor:
        """The teacher's balanced assignments [N, K]."""
        if self.choices["assign"] == "exponential":
            return sinkhorn(cosines, self.teacher_temperature, self.iterations)
        return sinkhorn(torch.log_softmax(cosines / self.teacher_temperature, 1), 1.0, self.iterations)

    def regularizers(
        self, embeddings: list[Tensor], projected: list[Tensor], logits: list[Tensor]
    ) -> Iterator[tuple[str, float, Tensor]]:
        """(name, weight, term) of those that have a weight."""
        if self.koleo:
            spread = embeddings if self.choices["koleo_on"] == "embedding" else projected
            yield "koleo", self.koleo, spread_of(spread if self.choices["teacher_views"] == 1 else spread[:2])
        if self.me_max:
            yield "me_max", self.me_max, evenness(logits)


def evenness(logits: list[Tensor]) -> Tensor:
    """log K less the entropy of the mean assignment over views and processes of logits [N, K]: 0 where it is even."""
    with torch.autocast(logits[0].device.type, enabled=False):
        mean = torch.softmax(promote(gather(torch.cat(logits))), 1).mean(0)
        return torch.special.xlogy(mean, mean).sum() + math.log(len(mean))


def spread_of(views: list[Tensor]) -> Tensor:
    """KoLeo of unit projections [N, D] of all processes, averaged over views, in float32."""
    with torch.autocast(views[0].device.type, enabled=False):
        units = [nn.functional.normalize(gather(promote(view)), dim=1) for view in views]
        return torch.stack([koleo(unit) for unit in units]).mean()


@register("sdpn")
def build_sdpn(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector, export_encoder, momentum (0.996 to 1), DEFAULTS, CHOICES."""
    options = renamed_option("method sdpn", options, "keep", "export_encoder")
    check_options("sdpn", options, ("projector", "export_encoder", *DEFAULTS, *CHOICES, *MOMENTUM_OPTIONS))
    no_loss("sdpn", loss)
    projector, dim = build_sdpn_projector(encoder.embed_dim, options.get("projector", {}))
    own = {key: options[key] for key in DEFAULTS if key in options}
    choices = {key: options[key] for key in CHOICES if key in options}
    for key, value in choices.items():
        if value not in CHOICES[key]:
            raise unknown_name(f"sdpn '{key}'", str(value), CHOICES[key])
    momentum = build_momentum(options, 0.996, 1.0)
    return SDPN(encoder, projector, dim, momentum, exported_encoder("sdpn", options), choices, **own)


def build_sdpn_projector(in_dim: int, config: Mapping[str, Any] | None) -> tuple[nn.Module, int]:
    """`{hidden_dim 2048, out_dim 256, layers 3, activation relu}` and its output size; None gives the identity.

    `activation: gelu` is the head of 3D-Speaker's code, batch-normalized and started as DINO's.
    """
    options = dict(config or {})
    activation = options.pop("activation", "relu")
    if activation not in ("relu", "gelu"):
        raise unknown_name("sdpn projector 'activation'", str(activation), ("relu", "gelu"))
    default = {"hidden_dim": 2048, "out_dim": 256, "layers": 3}
    if config is None or activation == "relu":
        return build_mlp("sdpn projector", in_dim, None if config is None else options, default)
    check_keys("sdpn projector", options, [*default, "activation"])
    sizes = {key: int(check_range(f"sdpn projector '{key}'", v, 1)) for key, v in {**default, **options}.items()}
    hidden = sizes["layers"] - 1
    head = DINOHead(in_dim, sizes["hidden_dim"], sizes["out_dim"], 1, hidden, batch_norm=True)
    return head.layers, sizes["out_dim"]
