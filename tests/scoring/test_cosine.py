"""Cosine scores against numpy in float64."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.cosine import CosineScorer, cosine_pairs, unit_rows
from speakerssl.scoring.scorer import Scorer
from speakerssl.scoring.trial_vectors import TrialVectors


def _reference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = one.astype(np.float64), other.astype(np.float64)
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("dim", [1, 3, 192, 513])
@pytest.mark.parametrize("threads", ["1", "4"])
def test_against_float64(dim: int, threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
    rng = np.random.default_rng(dim)
    enrol = rng.standard_normal((50, dim)).astype(np.float32) * 1e3 + 100
    test = rng.standard_normal((70, dim)).astype(np.float32) * 1e-3
    rows = rng.integers(0, 50, 40_000), rng.integers(0, 70, 40_000)
    np.testing.assert_allclose(cosine_pairs(enrol, test, *rows), _reference(enrol[rows[0]], test[rows[1]]), atol=3e-7)


def test_properties() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((20, 32)).astype(np.float32)
    i, j = rng.integers(0, 20, (2, 100))
    scores = cosine_pairs(matrix, matrix, i, j)
    np.testing.assert_array_equal(scores, cosine_pairs(matrix, matrix, j, i))
    np.testing.assert_allclose(cosine_pairs(matrix, 7 * matrix, i, i), 1, atol=3e-7)
    np.testing.assert_allclose(cosine_pairs(-matrix, matrix, i, j), -scores, atol=1e-9)
    np.testing.assert_array_equal(scores, np.round(scores, 9))
    np.testing.assert_array_equal(cosine_pairs(matrix[:, ::-1], matrix[:, ::-1], i, j).shape, (100,))
    np.testing.assert_allclose(np.linalg.norm(unit_rows(matrix), axis=1), 1, atol=1e-6)
    assert not unit_rows(np.zeros((2, 3), np.float32)).any()


def test_a_model_is_the_unit_mean_of_unit_vectors_or_the_mean_of_scores() -> None:
    rng = np.random.default_rng(1)
    counts = np.array([3, 1, 5])
    recordings, test = (rng.standard_normal((size, 8)).astype(np.float32) for size in (9, 4))
    units = [row / np.linalg.norm(row) for row in recordings.astype(np.float64)]
    groups = [units[:3], units[3:4], units[4:]]
    means = [np.mean(group, axis=0) for group in groups]
    scorer = CosineScorer()
    np.testing.assert_allclose(scorer.average(recordings, counts), [m / np.linalg.norm(m) for m in means], atol=1e-6)
    rows = np.array([0, 1, 2, 2]), np.array([3, 1, 0, 2])
    ids = [f"u{row}" for row in range(9)]
    vectors = TrialVectors(recordings, ids, np.ones(9, np.int64), rows[0], test, list("abcd"), rows[1])
    others = [row / np.linalg.norm(row) for row in test.astype(np.float64)]
    slow = [np.mean([unit @ others[t] for unit in groups[e]]) for e, t in zip(*rows)]
    np.testing.assert_allclose(scorer.average_score_pairs(vectors, counts), slow, atol=3e-7)
    generic = Scorer.average_score_pairs(scorer, vectors, counts)
    np.testing.assert_allclose(generic, slow, atol=3e-7)


def test_the_fast_kernel_and_the_arithmetic_of_the_cohort_agree() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((30, 16)).astype(np.float32)
    ids = [str(row) for row in range(30)]
    ones, rows = np.ones(30, np.int64), rng.integers(0, 30, (2, 99))
    vectors = TrialVectors(matrix, ids, ones, rows[0], matrix, ids, rows[1])
    scorer = CosineScorer()
    np.testing.assert_allclose(scorer.score_pairs(vectors), scorer.compare_pairs(vectors), atol=3e-7)
    block = scorer.compare(matrix, matrix).block(slice(None))
    np.testing.assert_allclose(scorer.compare_pairs(vectors), block[rows[0], rows[1]], atol=3e-7)
    with pytest.raises(InputError, match="of 16 and of 3 dimensions"):
        scorer.compare(matrix, matrix[:, :3])
