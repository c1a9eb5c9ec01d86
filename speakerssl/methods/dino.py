"""DINO: self-distillation with no labels (Caron et al. 2021, arXiv 2104.14294), and RDINO's regularizers.

targets  softmax((teacher(view) - c) / tau_t) of the global views;  c <- 0.9 c + 0.1 mean teacher(view)
student  softmax(student(view) / tau_s) of all views; cross-entropy between different views of a recording

In speaker verification: 2 global crops of 4 s and 4 local ones of 2 s. RDINO (arXiv 2211.04168) adds the variance and
covariance terms of VICReg on the student's embeddings, averaged over the two global views; the reference code adds
the teacher's too, which have no gradient. In 3D-Speaker's code they are 10/2 and 1, times a weight that rises from 0.05
to 0.2 over the first 10 epochs (verified); here both are 0 by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import unknown_name
from speakerssl.losses import LossOutput, covariance_term, gather, variance_term
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.distillation import cross_view_entropy, target_numbers
from speakerssl.methods.heads import DINOHead, build_dino_head
from speakerssl.methods.momentum import (
    MOMENTUM_OPTIONS,
    MomentumMethod,
    MomentumSchedule,
    build_momentum,
    teacher_of,
)
from speakerssl.methods.views import at_least, join_views
from speakerssl.options import check_keys, check_range, renamed_option

REGULARIZER = ("variance", "covariance", "weight", "start_weight", "weight_epochs")


@dataclass(frozen=True)
class DINOOptions:
    """`teacher_temperature` rises linearly to `final_teacher_temperature` (None: stays) over `warmup_epochs`."""

    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    final_teacher_temperature: float | None = None
    warmup_epochs: float = 30.0
    center_momentum: float = 0.9
    freeze_last_epochs: float = 1.0
    variance: float = 0.0  # RDINO's diversity
    covariance: float = 0.0  # RDINO's redundancy
    weight: float = 1.0  # of both
    start_weight: float | None = None  # from which `weight` is reached, epoch by epoch (None: at once)
    weight_epochs: int = 10  # the number of epochs of that rise, the first and the last included

    def __post_init__(self) -> None:
        for name in ("student_temperature", "teacher_temperature"):
            check_range(f"dino '{name}'", getattr(self, name), 1e-4)
        check_range("dino 'center_momentum'", self.center_momentum, 0, 1)
        for name in ("warmup_epochs", "freeze_last_epochs", "variance", "covariance", "weight", "weight_epochs"):
            check_range(f"dino '{name}'", getattr(self, name), 0)

    def regularizer_weight_at(self, epoch: float) -> float:
        """The weight of RDINO's terms in the epoch that `epoch` lies in."""
        if self.start_weight is None or self.weight_epochs < 2:
            return self.weight
        share = min(1.0, int(min(epoch, self.weight_epochs)) / (self.weight_epochs - 1))
        return self.start_weight + share * (self.weight - self.start_weight)

    def teacher_temperature_at(self, epoch: float) -> float:
        if self.final_teacher_temperature is None or not self.warmup_epochs:
            return self.final_teacher_temperature or self.teacher_temperature
        share = min(1.0, epoch / self.warmup_epochs)
        return self.teacher_temperature + share * (self.final_teacher_temperature - self.teacher_temperature)


class DINO(MomentumMethod):
    """The first two views are global; `final_encoder` is the teacher unless `export_encoder` is 'student'."""

    def __init__(
        self,
        encoder: Encoder,
        head: DINOHead,
        momentum: MomentumSchedule,
        options: DINOOptions | None = None,
        export_encoder: str = "teacher",
    ) -> None:
        super().__init__(momentum)
        self.encoder, self.head = encoder, head
        self.teacher, self.teacher_head = teacher_of(encoder), teacher_of(head)
        self.options, self.export_encoder = options or DINOOptions(), export_encoder
        self.register_buffer("center", torch.zeros(1, head.last.weight.shape[0]))
        self.center: Tensor

    def teacher_student_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        return [(self.teacher, self.encoder), (self.teacher_head, self.head)]

    def final_encoder(self) -> Encoder:
        return self.teacher if self.export_encoder == "teacher" else self.encoder

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("dino", batch.views, 2, "views.num_global")
        options, epoch = self.options, self.epoch_at(step)
        with torch.no_grad():
            known, batch = self.sample_from_memory(join_views(self.teacher, batch.views[:2]), batch, step)
            taught = [self.teacher_head(x) for x in known]
            temperature = options.teacher_temperature_at(epoch)
            targets = [torch.softmax((x - self.center) / temperature, 1) for x in taught]
        embeddings = join_views(self.encoder, batch.views)
        frozen = epoch < options.freeze_last_epochs
        logits = [self.head(x, frozen_last=frozen) / options.student_temperature for x in embeddings]
        loss = cross_view_entropy(targets, logits)
        logs = {**target_numbers(targets), "teacher_temperature": temperature}
        if options.variance or options.covariance:
            terms = diversity(embeddings[0], embeddings[1])
            regularizer = options.variance * terms["variance"] + options.covariance * terms["covariance"]
            loss = loss + options.regularizer_weight_at(epoch) * regularizer
            logs.update({f"regularizer/{name}": term.item() for name, term in terms.items()})
        if self.training:
            self.recentre(torch.cat(taught))
        return self.with_diagnostics(LossOutput(loss, logs), embeddings[0], embeddings[1], batch, step)

    @torch.no_grad()
    def recentre(self, taught: Tensor) -> None:
        """The centre follows the mean [1, K] of the teacher's outputs [N, K] over all processes."""
        mean = gather(taught.mean(0, keepdim=True)).mean(0, keepdim=True)
        self.center.lerp_(mean, 1 - self.options.center_momentum)


def diversity(first: Tensor, second: Tensor) -> dict[str, Tensor]:
    """RDINO's terms on the mean of the embeddings [N, D] of both global views, over all processes."""
    with torch.autocast(first.device.type, enabled=False):
        mean = gather((promote(first) + promote(second)) / 2)
        return {"variance": variance_term(mean), "covariance": covariance_term(mean)}


@register("dino", queues=True)
def build_dino(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: head, export_encoder, momentum (0.996 to 1), DINOOptions, `regularizer` (REGULARIZER)."""
    options = renamed_option("method dino", options, "keep", "export_encoder")
    own = tuple(name for name in DINOOptions.__dataclass_fields__ if name not in REGULARIZER)
    check_options("dino", options, ("head", "export_encoder", "regularizer", *own, *MOMENTUM_OPTIONS))
    no_loss("dino", loss)
    regularizer = options.get("regularizer", {})
    check_keys("dino regularizer", regularizer, REGULARIZER)
    chosen = DINOOptions(**{key: options[key] for key in own if key in options}, **regularizer)
    head = build_dino_head(encoder.embed_dim, options.get("head"))
    return DINO(encoder, head, build_momentum(options, 0.996, 1.0), chosen, exported_encoder("dino", options))


def exported_encoder(method: str, options: Mapping[str, Any]) -> str:
    """The option `export_encoder`: which encoder becomes the model, `teacher` or `student`."""
    chosen = options.get("export_encoder", "teacher")
    if chosen not in ("teacher", "student"):
        raise unknown_name(f"{method} 'export_encoder'", str(chosen), ("teacher", "student"))
    return chosen
