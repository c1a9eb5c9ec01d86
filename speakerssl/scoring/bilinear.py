"""Scores of the form a(enrolment) + b(test) + <left, right>: cosine and PLDA alike.

All the work that depends on one recording is done once a recording; a trial costs one dot product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit, run_blocks
from speakerssl.scoring.cosine import unit_rows


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
        left, right = np.ascontiguousarray(self.left), np.ascontiguousarray(self.right)
        rows = np.asarray(left_index, np.int64), np.asarray(right_index, np.int64)
        run_blocks(lambda begin, end: _add_products(left, right, *rows, scores, begin, end), len(scores))
        return scores

    def block(self, rows: slice) -> np.ndarray:
        """Scores of the left rows `rows` with every right row, [R, N_right]."""
        scores: np.ndarray = self.left[rows] @ self.right.T
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


def cosine(left: np.ndarray, right: np.ndarray) -> Bilinear:
    """Cosine of the rows of `left` [N, D] and `right` [M, D], in float32. Rows of zeros give 0."""
    if left.shape[1] != right.shape[1]:
        raise InputError(f"embeddings of {left.shape[1]} and of {right.shape[1]} dimensions cannot be compared")
    units = unit_rows(left)
    others = units if right is left else unit_rows(right)
    return Bilinear(units, np.zeros(len(units), np.float32), others, np.zeros(len(others), np.float32))


@njit(fastmath={"reassoc", "contract"})
def _add_products(
    left: np.ndarray,
    right: np.ndarray,
    left_index: np.ndarray,
    right_index: np.ndarray,
    scores: np.ndarray,
    begin: int,
    end: int,
) -> None:
    for trial in range(begin, end):
        one, other = left_index[trial], right_index[trial]
        total = 0.0
        for i in range(left.shape[1]):
            total += left[one, i] * right[other, i]
        scores[trial] += total
