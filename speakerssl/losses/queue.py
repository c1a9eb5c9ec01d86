"""A memory of past candidates as negatives: the momentum queue of MoCo."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from speakerssl.losses.buffers import fit_buffers
from speakerssl.losses.identity import UNKNOWN, Identity, excluded, join
from speakerssl.losses.negatives import NegativeStep
from speakerssl.losses.task import ContrastiveTask, SimilarityChunk
from speakerssl.losses.views import MemoryBatch
from speakerssl.options import check_range

RING = ("vectors", "recordings", "partners", "pseudo_labels")  # buffers of one row an entry, in ring order


class MomentumQueue(NegativeStep):
    """The last `size` candidates of all processes as negatives (MoCo, arXiv 1911.05722): a ring buffer.

    What is remembered, once a training step, is what the loss searched in: view 2 for `one_direction`, both views for
    `dual` and `both_views` (the dual-view loss, where either view is an anchor), the global views of a multi-view
    loss, gathered from all processes; with a momentum encoder that is its `targets`. Every entry keeps its identity:
    those of the anchor's own recording, of its partner's or under its pseudo-labels are no negatives.
    `in_batch: false` (MoCo) takes the negatives from the queue alone; only while it is empty the batch serves. The
    first `delay` training steps are not remembered and the batch serves: while an encoder changes fast, being newer
    than the queue sets all positives apart, and nothing else is learned (as seen in short runs; SwAV, arXiv
    2006.09882, starts its queue late for a like reason). size 65,536 is the paper's (verified); 16,384 here suits
    corpora of a few hundred thousand recordings, a choice.
    """

    def __init__(self, size: int = 16384, in_batch: bool = False, delay: int = 0) -> None:
        super().__init__()
        self.size = int(check_range("queue 'size'", size, 1))
        self.delay = int(check_range("queue 'delay'", delay, 0))
        self.in_batch = in_batch
        self.register_buffer("vectors", torch.zeros(0, 0))  # [filled, D]
        self.register_buffer("recordings", torch.zeros(0, dtype=torch.int64))  # [filled], -1 unknown
        self.register_buffer("partners", torch.zeros(0, dtype=torch.int64))  # [filled]
        self.register_buffer("pseudo_labels", torch.zeros(0, 1, dtype=torch.int64))  # [filled, S]
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.vectors: Tensor
        self.recordings: Tensor
        self.partners: Tensor
        self.pseudo_labels: Tensor
        self.pointer: Tensor
        self.steps: Tensor

    @property
    def identity(self) -> Identity:
        """Of the entries, in ring order."""
        return Identity(self.recordings, self.partners, self.pseudo_labels)

    def relabel(self, pseudo_labels: Tensor) -> None:
        """Gives the entries the pseudo-labels of a new epoch, [number of recordings, S]."""
        known = self.recordings >= 0
        labels = pseudo_labels.to(self.recordings.device)[self.recordings.clamp(min=0)]
        self.pseudo_labels = torch.where(known[:, None], labels, UNKNOWN)

    def columns(self, task: ContrastiveTask) -> int:
        return len(self.recordings)

    def prepare(self, task: ContrastiveTask) -> tuple[Tensor, Identity]:
        """The queue as it is now: `remember` leaves these tensors alone, backward may still need them."""
        return self.vectors.to(task.anchors), self.identity

    def forward(self, chunk: SimilarityChunk, drawn: Any) -> SimilarityChunk:
        vectors, identity = drawn
        if not len(identity):
            return chunk
        cosines = chunk.task.anchors @ vectors.T
        invalid = excluded(chunk.task.identity, identity)
        if self.in_batch:
            return chunk.with_negatives(cosines, invalid, vectors)
        return replace(chunk, cosines=cosines, invalid=invalid, vectors=vectors)

    @torch.no_grad()
    def remember(self, memory: MemoryBatch) -> None:
        self.steps += 1
        if self.steps <= self.delay:
            return
        vectors, identity = memory.vectors[-self.size :].float(), memory.identity[-self.size :]
        if not len(self.recordings):
            self.vectors = vectors.new_zeros(0, vectors.shape[1])
        filled, count = len(self.recordings), len(vectors)
        room = min(self.size - filled, count)
        start = int(self.pointer) if filled == self.size else 0
        places = (start + torch.arange(count - room, device=vectors.device)) % self.size
        every = join([self.identity, identity])  # of equal width
        old, new = every[:filled], every[filled:]
        parts = zip(RING, (self.vectors, *fields(old)), (vectors, *fields(new)), strict=True)
        for name, kept, added in parts:
            setattr(self, name, torch.cat([kept, added[:room]]).index_copy(0, places, added[room:]))
        self.pointer = self.pointer.new_tensor((start + len(places)) % self.size)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """The saved queue has the length to which it was filled. Queues of the first release are read too."""
        if prefix + "keys" in state_dict:
            read_old_queue(state_dict, prefix, clusters=False)
        fit_buffers(self, RING, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def fields(identity: Identity) -> tuple[Tensor, Tensor, Tensor]:
    return identity.recordings, identity.partners, identity.pseudo_labels


def read_old_queue(state_dict: dict[str, Any], prefix: str, clusters: bool) -> None:
    """Renames the `keys` of a queue of the first release: they were clusters, or else recordings."""
    old = state_dict.pop(prefix + "keys")
    unknown = torch.full_like(old, UNKNOWN)
    state_dict[prefix + "recordings"] = state_dict[prefix + "partners"] = unknown if clusters else old
    state_dict[prefix + "pseudo_labels"] = (old if clusters else unknown)[:, None]
