"""SwAV: each view predicts the balanced assignment of another to prototypes (Caron et al. 2020, arXiv 2006.09882).

The codes of the global views come from Sinkhorn over the batch, and over a queue of past projections where
`queue_size` is not 0: the batch should hold about as many recordings as there are prototypes, or the queue help out.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput, gather
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.distillation import cross_view_entropy, target_numbers
from speakerssl.methods.heads import Prototypes, build_mlp
from speakerssl.methods.sinkhorn import sinkhorn
from speakerssl.methods.views import at_least, join_views
from speakerssl.options import check_range

DEFAULTS = {
    "prototypes": 3000,
    "temperature": 0.1,
    "epsilon": 0.05,
    "iterations": 3,
    "queue_size": 0,
    "queue_epoch": 15.0,
    "freeze_epochs": 1.0,
}


class SwAV(Method):
    """Prototypes get no gradient in the first `freeze_epochs`; the queue is used from `queue_epoch` on, once full."""

    def __init__(self, encoder: Encoder, projector: nn.Module, dim: int, **options: float) -> None:
        super().__init__()
        chosen = {**DEFAULTS, **options}
        for name, value in chosen.items():
            check_range(f"swav '{name}'", value, 1e-4 if name in ("temperature", "epsilon") else 0)
        self.encoder, self.projector = encoder, projector
        self.prototypes = Prototypes(dim, int(chosen["prototypes"]))
        self.temperature, self.epsilon = chosen["temperature"], chosen["epsilon"]
        self.iterations = int(chosen["iterations"])
        self.queue_epoch, self.freeze_epochs = chosen["queue_epoch"], chosen["freeze_epochs"]
        self.register_buffer("queue", torch.zeros(2, int(chosen["queue_size"]), dim))  # newest first
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))
        self.queue: Tensor
        self.filled: Tensor

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("swav", batch.views, 2, "views.num_global")
        embeddings = join_views(self.encoder, batch.views)
        projected = [self.projector(embedding) for embedding in embeddings]
        (projected[1],), batch = self.sample_from_memory([projected[1]], batch, step)
        frozen = self.epoch_at(step) < self.freeze_epochs
        scores = [self.prototypes(vectors, frozen) for vectors in projected]
        use_queue = self.epoch_at(step) >= self.queue_epoch
        codes = [self._codes(scores[i], i, use_queue) for i in range(2)]
        if self.training:
            self._remember(projected[:2])
        loss = cross_view_entropy(codes, [score / self.temperature for score in scores])
        return self.with_diagnostics(LossOutput(loss, target_numbers(codes)), embeddings[0], embeddings[1], batch, step)

    @torch.no_grad()
    def _codes(self, scores: Tensor, view: int, use_queue: bool) -> Tensor:
        size = self.queue.shape[1]
        if not (use_queue and size and int(self.filled) == size):
            return sinkhorn(scores, self.epsilon, self.iterations)
        past = self.prototypes(self.queue[view])
        return sinkhorn(torch.cat([scores, past]), self.epsilon, self.iterations)[: len(scores)]

    @torch.no_grad()
    def _remember(self, projected: list[Tensor]) -> None:
        """The newest `queue_size` projections of all processes, for either view."""
        size = self.queue.shape[1]
        if not size:
            return
        new = torch.stack([gather(vectors.detach().float()) for vectors in projected])[:, :size]
        self.queue.copy_(torch.cat([new, self.queue], 1)[:, :size])
        self.filled.fill_(min(size, int(self.filled) + new.shape[1]))


@register("swav", queues=True)
def build_swav(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim 2048, out_dim 128, layers 2} and those of DEFAULTS."""
    check_options("swav", options, ("projector", *DEFAULTS))
    no_loss("swav", loss)
    default = {"hidden_dim": 2048, "out_dim": 128, "layers": 2}
    projector, dim = build_mlp("swav projector", encoder.embed_dim, options.get("projector", {}), default)
    return SwAV(encoder, projector, dim, **{key: value for key, value in options.items() if key != "projector"})
