"""Scores of the form a(enrolment) + b(test) + <left, right>: cosine and PLDA alike.

All the work that depends on one recording is done once a recording; a trial costs one dot product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit, run_blocks


@dataclass(frozen=True)
class Bilinear:
    """Vectors [N, D] and constants [N] of two sides: score(i, j) = left_bias[i] + right_bias[j] + <left_i, right_j>."""

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

    def averaged(self, counts: np.ndarray) -> "Bilinear":
        """Scores averaged over groups of `counts` [M] consecutive left rows, which are M left rows then.

        A mean of such scores is the score of the mean vector and the mean constant.
        """
        return Bilinear(
            sum_groups(self.left, counts) / counts[:, None],
            sum_groups(self.left_bias[:, None], counts)[:, 0] / counts,
            self.right,
            self.right_bias,
        )


def sum_groups(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums [M, D], in float64, of groups of `counts` [M] (each one at least) consecutive `rows` [N, D]."""
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    return np.add.reduceat(rows.astype(np.float64), starts, axis=0)


def row_blocks(rows: int, columns: int, block_memory: float, itemsize: int) -> Iterator[slice]:
    """Slices of `rows` so that a block of scores of `columns` takes at most `block_memory` MiB (one row at least)."""
    if not block_memory > 0:
        raise InputError(f"block memory is {block_memory:g} MiB; give a positive number")
    size = max(1, int(block_memory * 2**20 / (max(columns, 1) * itemsize)))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


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
