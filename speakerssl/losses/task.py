"""What the parts of a loss hand to each other: a contrastive task, a chunk of its similarities, the result."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class LossOutput:
    """What every loss and every method returns: a scalar to minimize, and numbers to log."""

    loss: Tensor
    logs: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ContrastiveTask:
    """Anchors that must find their positive among candidates. Vectors are unit vectors, norms those before.

    Positives are candidates, known by their place, so that a batch of thousands holds no second copy of them. Two
    items with equal keys are never negatives of each other. A `reference` embedding (of another, frozen model) may
    stand beside each item.
    """

    anchors: Tensor  # [A, D]
    positive_indices: Tensor  # [A] int64, the place of each anchor's positive among the candidates
    candidates: Tensor  # [C, D]
    norms: Tensor  # [A], of the anchors
    keys: Tensor  # [A] int64
    candidate_keys: Tensor  # [C] int64
    temperature: Tensor  # [A]
    reference: Tensor | None = None  # [A, R]
    candidate_reference: Tensor | None = None  # [C, R]

    @property
    def positives(self) -> Tensor:
        """[A, D], copied from the candidates."""
        return self.candidates[self.positive_indices]

    def positive_cosines(self, rows: int = 256) -> Tensor:
        """[A], `rows` at a time."""
        parts = (self.rows(start, start + rows) for start in range(0, len(self.anchors), rows))
        return torch.cat([(part.anchors * part.positives).sum(1) for part in parts])

    def rows(self, start: int, stop: int) -> "ContrastiveTask":
        """The same task for the anchors from `start` to `stop`."""
        cut = slice(start, stop)
        return replace(
            self,
            anchors=self.anchors[cut],
            positive_indices=self.positive_indices[cut],
            norms=self.norms[cut],
            keys=self.keys[cut],
            temperature=self.temperature[cut],
            reference=None if self.reference is None else self.reference[cut],
        )


@dataclass(frozen=True)
class SimilarityChunk:
    """Cosines of a chunk of anchors, on their way through the chain of negatives."""

    task: ContrastiveTask  # of these anchors
    positive: Tensor  # [B], cosine with the positive
    cosines: Tensor  # [B, C], cosines with the candidates
    invalid: Tensor  # [B, C] bool, where a candidate is no negative of the anchor
    vectors: Tensor | None  # [C, D], the candidates; None where every anchor has its own

    def with_negatives(self, cosines: Tensor, invalid: Tensor, vectors: Tensor | None) -> "SimilarityChunk":
        """The chunk with further negatives [B, Q] (their `vectors` [Q, D] where anchors share them)."""
        known = None if vectors is None or self.vectors is None else torch.cat([self.vectors, vectors])
        return replace(
            self,
            cosines=torch.cat([self.cosines, cosines], 1),
            invalid=torch.cat([self.invalid, invalid], 1),
            vectors=known,
        )


def first_chunk(task: ContrastiveTask) -> SimilarityChunk:
    """The cosines of all anchors of `task` with their positives and with the candidates of the batch."""
    cosines = task.anchors @ task.candidates.T
    return SimilarityChunk(
        task,
        cosines.gather(1, task.positive_indices[:, None]).squeeze(1),
        cosines,
        task.keys[:, None] == task.candidate_keys[None, :],
        task.candidates,
    )
