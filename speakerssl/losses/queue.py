"""A memory of past keys as negatives: the momentum queue of MoCo."""

from typing import Any

import torch
from torch import Tensor

from speakerssl.losses.buffers import fit_buffers
from speakerssl.losses.negatives import NegativeStep
from speakerssl.losses.options import check_range
from speakerssl.losses.symmetry import MemoryBatch
from speakerssl.losses.task import ContrastiveTask, SimilarityChunk


class MomentumQueue(NegativeStep):
    """The last `size` candidates of all processes as negatives (MoCo, arXiv 1911.05722): a ring buffer.

    What is remembered after each training step is what the loss searched in: view 2 for `one_direction`, both
    views for `dual` and `both_views` (the dual-view loss, where either view is an anchor), gathered from all
    processes; with a momentum encoder that is its `targets`. `in_batch: false` (MoCo) takes the negatives from
    the queue alone; only while it is empty the batch serves. With `keys` that identify a recording or a speaker,
    entries under the anchor's key are masked out. The first `delay` training steps are not remembered and the batch
    serves: while an encoder changes fast, being newer than the queue sets all positives apart, and nothing else is
    learned (as seen in short runs; SwAV, arXiv 2006.09882, starts its queue late for a like reason). size 65,536 is
    the paper's; 16,384 here suits corpora of a few hundred thousand recordings, a choice.
    """

    def __init__(self, size: int = 16384, in_batch: bool = False, delay: int = 0) -> None:
        super().__init__()
        self.size = int(check_range("queue 'size'", size, 1))
        self.delay = int(check_range("queue 'delay'", delay, 0))
        self.in_batch = in_batch
        self.register_buffer("vectors", torch.zeros(0, 0))  # [filled, D], in ring order
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))  # [filled], -1 unknown
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.vectors: Tensor
        self.keys: Tensor
        self.pointer: Tensor
        self.steps: Tensor

    def columns(self, task: ContrastiveTask) -> int:
        return len(self.keys)

    def prepare(self, task: ContrastiveTask) -> tuple[Tensor, Tensor]:
        """The queue as it is now: `remember` leaves these tensors alone, backward may still need them."""
        return self.vectors.to(task.anchors), self.keys

    def forward(self, chunk: SimilarityChunk, drawn: Any) -> SimilarityChunk:
        vectors, keys = drawn
        if not len(keys):
            return chunk
        cosines = chunk.task.anchors @ vectors.T
        invalid = chunk.task.keys[:, None] == keys[None, :]
        if self.in_batch:
            return chunk.with_negatives(cosines, invalid, vectors)
        return SimilarityChunk(chunk.task, chunk.positive, cosines, invalid, vectors)

    @torch.no_grad()
    def remember(self, memory: MemoryBatch) -> None:
        self.steps += 1
        if self.steps <= self.delay:
            return
        vectors, keys = memory.vectors[-self.size :].float(), memory.keys[-self.size :]
        if not len(self.keys):
            self.vectors = vectors.new_zeros(0, vectors.shape[1])
        room = min(self.size - len(self.keys), len(keys))
        grown = torch.cat([self.vectors, vectors[:room]]), torch.cat([self.keys, keys[:room]])
        start = int(self.pointer) if len(self.keys) == self.size else 0
        places = (start + torch.arange(len(keys) - room, device=keys.device)) % self.size
        self.vectors = grown[0].index_copy(0, places, vectors[room:])
        self.keys = grown[1].index_copy(0, places, keys[room:])
        self.pointer = self.pointer.new_tensor((start + len(places)) % self.size)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """The saved queue has the length to which it was filled."""
        fit_buffers(self, ("vectors", "keys"), state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)
