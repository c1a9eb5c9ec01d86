"""Cosine scores against numpy in float64."""

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.cosine import cosine_pairs, cosine_trials, known_trials, unit_rows
from speakerssl.trials.trial_list import Trials


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


def test_trials_by_id() -> None:
    rng = np.random.default_rng(0)
    test = Embeddings(["a", "b", "c"], rng.standard_normal((3, 8)).astype(np.float32), "t.scp")
    enrol = Embeddings(["c", "m"], rng.standard_normal((2, 8)).astype(np.float32), "e.scp")
    trials = Trials(["m", "c"], ["c", "a"], np.array([0, 1, 0], np.int32), np.array([0, 0, 1], np.int32), None, "list")
    scores = cosine_trials(trials, test, enrol)
    np.testing.assert_allclose(scores, _reference(enrol.matrix[[1, 0, 1]], test.matrix[[2, 2, 0]]), atol=3e-7)
    np.testing.assert_array_equal(known_trials(trials, test, ["m"]), [True, False, True])
    with pytest.raises(InputError, match=r"^t.scp: no embedding for 'm', which list asks for; --skip-missing"):
        cosine_trials(trials, test)
    with pytest.raises(InputError, match=r"t.scp: has embeddings for none of the trials of list"):
        known_trials(trials, test, ["z"])


def test_bad_embeddings() -> None:
    zero = Embeddings(["a", "b"], np.array([[1, 2], [0, 0]], np.float32), "z.scp")
    index = np.array([0], np.int32)
    with pytest.raises(InputError, match=r"z.scp: the embedding of 'a' or 'b' is all zeros"):
        cosine_trials(Trials(["a"], ["b"], index, index, None), zero)
    wide = Embeddings(["a"], np.ones((1, 3), np.float32), "w.scp")
    with pytest.raises(InputError, match=r"w.scp: embeddings of 3 numbers, but 2 in z.scp"):
        cosine_trials(Trials(["a"], ["b"], index, index, None), zero, wide)
