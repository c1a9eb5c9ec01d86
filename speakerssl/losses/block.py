"""What the parts of the contrastive loss hand to each other: the whole problem, and one block of its anchors."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True)
class Problem:
    """Anchors that must find their positive among candidates. Vectors are unit vectors, norms those before.

    Two items with equal keys are never negatives of each other. A `reference` embedding (of another, frozen
    model) may stand beside each item.
    """

    anchors: Tensor  # [A, D]
    positives: Tensor  # [A, D]
    candidates: Tensor  # [C, D]
    norms: Tensor  # [A], of the anchors
    keys: Tensor  # [A] int64
    candidate_keys: Tensor  # [C] int64
    temperature: Tensor  # [A]
    reference: Tensor | None = None  # [A, R]
    candidate_reference: Tensor | None = None  # [C, R]

    def rows(self, start: int, stop: int) -> "Problem":
        """The same problem for the anchors from `start` to `stop`."""
        cut = slice(start, stop)
        return replace(
            self,
            anchors=self.anchors[cut],
            positives=self.positives[cut],
            norms=self.norms[cut],
            keys=self.keys[cut],
            temperature=self.temperature[cut],
            reference=None if self.reference is None else self.reference[cut],
        )


@dataclass(frozen=True)
class Block:
    """Cosines of a block of anchors, on their way through the chain of negatives."""

    problem: Problem  # of these anchors
    positive: Tensor  # [B], cosine with the positive
    cosines: Tensor  # [B, C], cosines with the candidates
    invalid: Tensor  # [B, C] bool, where a candidate is no negative of the anchor
    vectors: Tensor | None  # [C, D], the candidates; None where every anchor has its own

    def with_negatives(self, cosines: Tensor, invalid: Tensor, vectors: Tensor | None) -> "Block":
        """The block with further negatives [B, Q] (their `vectors` [Q, D] where anchors share them)."""
        known = None if vectors is None or self.vectors is None else torch.cat([self.vectors, vectors])
        return replace(
            self,
            cosines=torch.cat([self.cosines, cosines], 1),
            invalid=torch.cat([self.invalid, invalid], 1),
            vectors=known,
        )


def first_block(problem: Problem) -> Block:
    """The cosines of all anchors of `problem` with their positives and with the candidates of the batch."""
    return Block(
        problem,
        (problem.anchors * problem.positives).sum(1),
        problem.anchors @ problem.candidates.T,
        problem.keys[:, None] == problem.candidate_keys[None, :],
        problem.candidates,
    )


def map_blocks(function: Callable[[int, int], Tensor], rows: int, block_size: int) -> Tensor:
    """Concatenates `function(start, stop)` over blocks of rows; backward recomputes each block.

    What a block needed in between is freed at once, so the peak memory is that of one block. One single block
    is kept as it is, since recomputing it would save nothing.
    """
    if rows <= block_size:
        return function(0, rows)
    parts = [
        checkpoint(function, start, min(start + block_size, rows), use_reentrant=False)
        for start in range(0, rows, block_size)
    ]
    return torch.cat(parts)
