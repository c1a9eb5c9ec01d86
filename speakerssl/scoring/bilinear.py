"""Scores of the form a(enrolment) + b(test) + <left, right>: cosine and PLDA alike.

All the work that depends on one recording is done once a recording; a trial costs one dot product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError

# Rows gathered at once for trials: small enough to stay in the cache of a core.
PAIRS = 4096


@dataclass(frozen=True)
class Bilinear:
    """One side's vectors [N, D] and constants [N]; the score of i and j is bias + bias + dot(left_i, right_j)."""

    left: np.ndarray
    left_bias: np.ndarray
    right: np.ndarray
    right_bias: np.ndarray

    def pairs(self, left_index: np.ndarray, right_index: np.ndarray) -> np.ndarray:
        """Scores [T] of the trials (left_index[t], right_index[t]), in float64."""
        scores = self.left_bias[left_index].astype(np.float64) + self.right_bias[right_index]
        for start in range(0, len(scores), PAIRS):
            part = slice(start, start + PAIRS)
            scores[part] += np.einsum(
                "nd,nd->n", self.left[left_index[part]], self.right[right_index[part]]
            )
        return scores

    def block(self, rows: slice) -> np.ndarray:
        """Scores of the left rows `rows` with every right row, [R, N_right]."""
        scores = self.left[rows] @ self.right.T
        scores += self.left_bias[rows, None]
        scores += self.right_bias
        return scores

    def transposed(self) -> "Bilinear":
        """The same scores with the sides exchanged."""
        return Bilinear(self.right, self.right_bias, self.left, self.left_bias)


def row_blocks(rows: int, columns: int, block_memory: float, itemsize: int) -> Iterator[slice]:
    """Slices of `rows` so that a block of scores of `columns` takes at most `block_memory` MiB (one row at least)."""
    if not block_memory > 0:
        raise InputError(f"block memory is {block_memory:g} MiB; give a positive number")
    size = max(1, int(block_memory * 2**20 / (max(columns, 1) * itemsize)))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """`embeddings` [N, D] scaled to length one, float32; zero rows stay zero."""
    embeddings = np.asarray(embeddings, dtype=np.float32)
    norms = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64))
    return embeddings / np.where(norms > 0, norms, np.inf).astype(np.float32)[:, None]


def cosine(left: np.ndarray, right: np.ndarray) -> Bilinear:
    """Cosine of the rows of `left` [N, D] and `right` [M, D], in float32."""
    if left.shape[1] != right.shape[1]:
        raise InputError(f"embeddings of {left.shape[1]} and of {right.shape[1]} dimensions cannot be compared")
    zeros = (np.zeros(len(left), np.float32), np.zeros(len(right), np.float32))
    return Bilinear(unit_rows(left), zeros[0], unit_rows(right), zeros[1])
