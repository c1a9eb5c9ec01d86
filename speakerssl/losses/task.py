"""What the parts of a loss hand to each other: a contrastive task, a chunk of its similarities, the result."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from speakerssl.losses.identity import Identity, excluded


@dataclass(frozen=True)
class LossOutput:
    """What every loss and every method returns: a scalar to minimize, and numbers to log."""

    loss: Tensor
    logs: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ContrastiveTask:
    """Anchors that must find their positive among candidates. Vectors are unit vectors, norms those before.

    Positives are candidates, known by their index, so that a batch of thousands holds no second copy of them. Where
    an anchor has several, each is the positive of a row of its own and the rest are its `other_positives`.
    `identity` says which candidates are no negatives of an anchor. A `reference` embedding (of another, frozen model)
    may stand beside each item.
    """

    anchors: Tensor  # [A, D]
    positive_indices: Tensor  # [A] int64, of each anchor's positive among the candidates
    candidates: Tensor  # [C, D]
    norms: Tensor  # [A], of the anchors
    identity: Identity  # of the A anchors
    candidate_identity: Identity  # of the C candidates
    temperature: Tensor  # [A]
    other_positives: Tensor | None = None  # [A, P - 1] int64
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

    def excluded(self) -> Tensor:
        """[A, C] bool, where a candidate is no negative of the anchor."""
        found = excluded(self.identity, self.candidate_identity)
        found.scatter_(1, self.positive_indices[:, None], True)
        return found if self.other_positives is None else found.scatter_(1, self.other_positives, True)

    def rows(self, start: int, stop: int) -> "ContrastiveTask":
        """The same task for the anchors from `start` to `stop`."""
        cut = slice(start, stop)
        return replace(
            self,
            anchors=self.anchors[cut],
            positive_indices=self.positive_indices[cut],
            norms=self.norms[cut],
            identity=self.identity[cut],
            temperature=self.temperature[cut],
            other_positives=None if self.other_positives is None else self.other_positives[cut],
            reference=None if self.reference is None else self.reference[cut],
        )


@dataclass(frozen=True)
class SimilarityChunk:
    """Cosines of a chunk of anchors, on their way through the chain of negatives."""

    task: ContrastiveTask  # of these anchors
    positive: Tensor  # [B], cosine with the positive
    others: Tensor  # [B, P - 1], cosines with the other positives
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
    others = cosines[:, :0] if task.other_positives is None else cosines.gather(1, task.other_positives)
    positive = cosines.gather(1, task.positive_indices[:, None]).squeeze(1)
    return SimilarityChunk(task, positive, others, cosines, task.excluded(), task.candidates)
