"""PLDA scores against Kaldi's own numbers, joint Gaussians, and speechbrain's scoring."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from speakerssl.errors import InputError
from speakerssl.scoring.plda import Plda

DIM = 5


@pytest.fixture(scope="module")
def plda() -> Plda:
    rng = np.random.default_rng(0)
    between, within = (root @ root.T + 0.1 * np.eye(DIM) for root in rng.standard_normal((2, DIM, DIM)))
    return Plda.from_covariances(rng.standard_normal(DIM), between, within)


def all_scores(plda: Plda, enrol: np.ndarray, count: int, test: np.ndarray, normalization: str) -> np.ndarray:
    one = plda.project(enrol, count, normalization)
    return plda.bilinear(one, count, plda.project(test, 1, normalization)).block(slice(None))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_score_is_the_ratio_of_joint_gaussians(plda: Plda, count: int) -> None:
    rng = np.random.default_rng(1)
    recordings = rng.standard_normal((count, DIM)) * 2
    test = rng.standard_normal(DIM) * 2
    everything = np.concatenate([recordings.ravel(), test])
    mean = np.tile(plda.mean, count + 1)
    noise = np.kron(np.eye(count + 1), plda.within)
    same = noise + np.kron(np.ones((count + 1, count + 1)), plda.between)
    apart = np.zeros((count + 1, count + 1))
    apart[:count, :count] = 1
    apart[count, count] = 1
    different = noise + np.kron(apart, plda.between)
    expected = multivariate_normal.logpdf(everything, mean, same)
    expected -= multivariate_normal.logpdf(everything, mean, different)
    got = all_scores(plda, recordings.mean(0, keepdims=True), count, test[None], "none")
    np.testing.assert_allclose(got[0, 0], expected, rtol=1e-9)


def test_single_recordings_score_symmetrically(plda: Plda) -> None:
    vectors = np.random.default_rng(3).standard_normal((6, DIM))
    scores = all_scores(plda, vectors, 1, vectors, "length")
    np.testing.assert_allclose(scores, scores.T, rtol=1e-9)


def test_no_between_speaker_variance_scores_zero(plda: Plda) -> None:
    flat = Plda(plda.mean, plda.transform, np.zeros(DIM))
    vectors = np.random.default_rng(4).standard_normal((6, DIM))
    np.testing.assert_allclose(all_scores(flat, vectors, 1, vectors, "length"), 0, atol=1e-12)


def test_scores_do_not_change_under_an_affine_map_of_model_and_data(plda: Plda) -> None:
    rng = np.random.default_rng(5)
    mix, shift, vectors = rng.standard_normal((DIM, DIM)), rng.standard_normal(DIM), rng.standard_normal((6, DIM))
    moved = Plda.from_covariances(plda.mean @ mix + shift, mix.T @ plda.between @ mix, mix.T @ plda.within @ mix)
    one = all_scores(plda, vectors, 1, vectors, "length")
    other = all_scores(moved, vectors @ mix + shift, 1, vectors @ mix + shift, "length")
    np.testing.assert_allclose(one, other, rtol=1e-7)


def test_covariances_come_back(plda: Plda) -> None:
    again = Plda.from_covariances(plda.mean, plda.between, plda.within)
    np.testing.assert_allclose(again.psi, plda.psi)
    np.testing.assert_allclose(plda.transform @ plda.within @ plda.transform.T, np.eye(DIM), atol=1e-9)
    np.testing.assert_allclose(plda.transform @ plda.between @ plda.transform.T, np.diag(plda.psi), atol=1e-9)


@pytest.mark.parametrize("normalization", ["norm", "simple", "nonorm"])
@pytest.mark.parametrize("count", [1, 3])
def test_kaldi_scores(shared_data: Path, count: int, normalization: str) -> None:
    golden = np.load(shared_data / "kaldi_golden" / "golden.npz")
    plda = Plda(*(golden[f"plda/plda_{name}"] for name in ("mean", "transform", "psi")))
    name = {"norm": "length", "simple": "simple", "nonorm": "none"}[normalization]
    scores = all_scores(plda, golden[f"plda/enrol{count}"], count, golden["plda/test"], name)
    np.testing.assert_allclose(scores, golden[f"plda/llr_n{count}_{normalization}_f64"], rtol=0, atol=1e-11)
    np.testing.assert_allclose(
        plda.project(golden["plda/test"], 1, name), golden[f"plda/test_transformed_{normalization}"], atol=1e-11
    )
    np.testing.assert_allclose(
        plda.project(golden["plda/enrol3"], 3, name), golden[f"plda/enrol3_transformed_{normalization}"], atol=1e-11
    )


def test_speechbrain_scores(plda: Plda) -> None:
    reference = pytest.importorskip("speechbrain.processing.PLDA_LDA")
    vectors = np.random.default_rng(6).standard_normal((2, 6, DIM))
    names = np.array([f"e{i}" for i in range(6)]), np.array([f"t{i}" for i in range(6)])

    def statistics(ids: np.ndarray, matrix: np.ndarray) -> object:
        empty = np.array([None] * 6)
        return reference.StatObject_SB(ids, ids, empty, empty, np.ones((6, 1)), matrix.copy())

    trials = reference.Ndx(models=np.repeat(names[0], 6), testsegs=np.tile(names[1], 6))
    root = np.linalg.cholesky(plda.between)
    theirs = reference.fast_PLDA_scoring(
        statistics(names[0], vectors[0]), statistics(names[1], vectors[1]), trials, plda.mean, root, plda.within
    )
    np.testing.assert_allclose(all_scores(plda, *(vectors[0], 1, vectors[1]), "none"), theirs.scoremat, rtol=1e-6)


def test_bad_input(plda: Plda) -> None:
    with pytest.raises(InputError, match="embeddings of 4 dimensions, but the PLDA is of 5"):
        plda.project(np.ones((2, 4)))
    with pytest.raises(InputError, match="unknown PLDA normalization 'odd'; the known ones are: length, none, simple"):
        plda.project(np.ones((2, DIM)), 1, "odd")
    with pytest.raises(InputError, match=r"within-speaker covariance is singular: rank 4 of 5 .*lda:DIM"):
        Plda.from_covariances(plda.mean, plda.between, np.diag([1.0, 1, 1, 1, 0]))
