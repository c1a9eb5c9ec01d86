"""Bilinear scores against loops, and blocks within their memory."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.bilinear import Bilinear, row_blocks, sum_groups

RNG = np.random.default_rng(0)
MODEL = Bilinear(
    RNG.standard_normal((9, 6)), RNG.standard_normal(9), RNG.standard_normal((7, 6)), RNG.standard_normal(7)
)


def one(i: int, j: int) -> float:
    return float(MODEL.left_bias[i] + MODEL.right_bias[j] + sum(a * b for a, b in zip(MODEL.left[i], MODEL.right[j])))


@pytest.mark.parametrize("threads", ["1", "3"])
def test_pairs_and_blocks_are_the_formula(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
    rows, columns = RNG.integers(0, 9, 40_000), RNG.integers(0, 7, 40_000)
    slow = np.array([[one(i, j) for j in range(7)] for i in range(9)])
    np.testing.assert_allclose(MODEL.pairs(rows, columns), slow[rows, columns], atol=1e-12)
    np.testing.assert_allclose(MODEL.block(slice(2, 5)), slow[2:5], atol=1e-12)
    np.testing.assert_allclose(MODEL.transposed().block(slice(None)), slow.T, atol=1e-12)


def test_averaged_scores_are_means_of_scores() -> None:
    counts = np.array([2, 1, 4, 2])
    slow = np.array([[one(i, j) for j in range(7)] for i in range(9)])
    groups = np.repeat(np.arange(4), counts)
    expected = [slow[groups == group].mean(0) for group in range(4)]
    np.testing.assert_allclose(MODEL.averaged(counts).block(slice(None)), expected, atol=1e-12)
    np.testing.assert_allclose(sum_groups(MODEL.left, counts)[2], MODEL.left[3:7].sum(0))


def test_row_blocks_cover_all_rows_within_the_memory() -> None:
    blocks = list(row_blocks(100, 1000, 0.1, 8))
    assert [row for block in blocks for row in range(100)[block]] == list(range(100))
    assert max(block.stop - block.start for block in blocks) * 1000 * 8 <= 0.1 * 2**20
    assert len(list(row_blocks(5, 10**9, 1, 8))) == 5
    with pytest.raises(InputError, match="block memory is 0 MiB; give a positive number"):
        list(row_blocks(5, 5, 0, 8))
