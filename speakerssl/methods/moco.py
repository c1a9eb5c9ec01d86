"""MoCo v2+: queries by the encoder, keys by a momentum teacher, a queue of past keys as negatives.

MoCo (arXiv 1911.05722) with the projector of v2 (2003.04297) and the symmetric, dual-view loss of v3 (2104.02057):
either view is a query once. Without a `negatives` entry in the loss section the queue is `{name: queue}`, with its
size of losses/queue.py; keys of the anchor's own recording or of its partner's are never its negatives. The teacher
sees batch statistics of its own, with several processes of rows that are shuffled among them (`shuffle_keys`).
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.losses import LossOutput, build_loss, gather
from speakerssl.losses.gather import world
from speakerssl.methods.base import Method, check_options, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.heads import PROJECTOR, build_projector
from speakerssl.methods.momentum import (
    MOMENTUM_OPTIONS,
    MomentumMethod,
    MomentumSchedule,
    build_momentum,
    teacher_of,
)
from speakerssl.methods.views import at_least


class MoCo(MomentumMethod):
    """The loss is any contrastive one; its symmetry says which views are queries."""

    def __init__(
        self,
        encoder: Encoder,
        projector: nn.Module,
        loss: nn.Module,
        momentum: MomentumSchedule,
        shuffle_keys: bool = True,
    ) -> None:
        super().__init__(momentum)
        self.shuffle_keys = shuffle_keys
        self.encoder, self.projector, self.loss = encoder, projector, loss
        self.teacher, self.teacher_projector = teacher_of(encoder), teacher_of(projector)

    def teacher_student_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        return [(self.teacher, self.encoder), (self.teacher_projector, self.projector)]

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("moco", batch.views, 2, "views.num_global")
        embeddings = [self.encoder(view) for view in batch.views[:2]]
        first, second = (self.projector(embedding) for embedding in embeddings)
        with torch.no_grad():
            keys = [self._keys(view, step) for view in batch.views[:2]]
        own = self.identities(batch)[:2]
        known, exchanged = self.sample_from_memory(keys, batch, step)
        theirs = own
        if exchanged is not batch:  # both keys are of the sampled recording then, both queries of the anchor's
            query, key = self.identities(exchanged)[:2]
            own, theirs = [query, query], [key, key]
        output = self.loss(
            first,
            second,
            step,
            own,
            targets=known,
            target_identities=theirs,
            reference=self.reference_embeddings(batch),
        )
        return self.with_diagnostics(output, embeddings[0], embeddings[1], batch, step)

    def _keys(self, view: Tensor, step: int) -> Tensor:
        """The teacher's projections [B, D] of a view; with several processes of rows that are shuffled among them."""
        shuffled, unshuffle = shuffle_rows(view, step) if self.shuffle_keys else (view, None)
        keys = self.teacher_projector(self.teacher(shuffled))
        return keys if unshuffle is None else unshuffle(keys)


def shuffle_rows(rows: Tensor, seed: int) -> tuple[Tensor, Callable[[Tensor], Tensor] | None]:
    """This process's share of the rows [B, ...] of all processes in random order, and what takes [B, D] back.

    Batch statistics of a key are then not those of its query's process, by which the two could be told to belong
    together (MoCo's shuffled batch normalization). Alone, rows stay and there is nothing to take back.
    """
    rank, size = world()
    if size == 1:
        return rows, None
    count = len(rows)
    order = torch.randperm(count * size, generator=torch.Generator().manual_seed(seed)).to(rows.device)
    back = order.argsort()[rank * count : (rank + 1) * count]
    return gather(rows)[order[rank * count : (rank + 1) * count]], lambda values: gather(values)[back]


@register("moco", masks=True, queues=True)
def build_moco(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector (2048-256), momentum 0.999, momentum_final 0.999, shuffle_keys true."""
    check_options("moco", options, ("projector", "shuffle_keys", *MOMENTUM_OPTIONS))
    shuffle = options.get("shuffle_keys", True)
    if not isinstance(shuffle, bool):
        raise InputError(f"method moco: 'shuffle_keys' must be true or false, got {shuffle!r}")
    projector, _ = build_projector(encoder.embed_dim, options.get("projector", PROJECTOR))
    criterion = build_loss({"negatives": {"name": "queue"}, **loss})
    start = options.get("momentum", 0.999)
    return MoCo(encoder, projector, criterion, build_momentum(options, start, start), shuffle)
