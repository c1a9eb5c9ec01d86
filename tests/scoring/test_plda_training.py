"""PLDA training: Kaldi's numbers, the likelihood that EM must raise, the closed form it converges to."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from speakerssl.errors import InputError
from speakerssl.scoring.plda import Plda
from speakerssl.scoring.plda_training import train_plda


def simulate(counts: np.ndarray, dim: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, speakers, and the true between- and within-speaker covariances."""
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((2, dim, dim))
    speakers = np.repeat(np.arange(len(counts)), counts)
    offsets = rng.standard_normal((len(counts), dim)) @ roots[0]
    data = 2 + offsets[speakers] + rng.standard_normal((len(speakers), dim)) @ roots[1]
    return data, speakers, roots[0].T @ roots[0], roots[1].T @ roots[1]


def log_likelihood(plda: Plda, data: np.ndarray, speakers: np.ndarray) -> float:
    """Sum over speakers of the log density of all their recordings together."""
    total = 0.0
    for speaker in np.unique(speakers):
        rows = data[speakers == speaker]
        size = len(rows)
        spread = np.kron(np.eye(size), plda.within) + np.kron(np.ones((size, size)), plda.between)
        total += multivariate_normal.logpdf(rows.ravel(), np.tile(plda.mean, size), spread)
    return total


@pytest.mark.parametrize("name", ["train", "trainu"])
def test_kaldi_parameters(shared_data: Path, name: str) -> None:
    golden = np.load(shared_data / "kaldi_golden" / "golden.npz")
    counts = golden[f"plda/{name}_counts"]
    plda = train_plda(golden[f"plda/{name}"], np.repeat(np.arange(len(counts)), counts))
    prefix = "plda/plda_" if name == "train" else "plda/pldau_"
    np.testing.assert_allclose(plda.mean, golden[prefix + "mean"], atol=1e-12)
    np.testing.assert_allclose(plda.psi, golden[prefix + "psi"], rtol=1e-9)
    theirs = golden[prefix + "transform"]
    sign = np.sign((plda.transform * theirs).sum(1, keepdims=True))
    np.testing.assert_allclose(plda.transform, sign * theirs, atol=1e-9)


def test_kaldi_scores_of_our_unbalanced_model(shared_data: Path) -> None:
    golden = np.load(shared_data / "kaldi_golden" / "golden.npz")
    counts = golden["plda/trainu_counts"]
    plda = train_plda(golden["plda/trainu"], np.repeat(np.arange(len(counts)), counts))
    for count in (1, 3):
        enrol, test = plda.project(golden[f"plda/enrol{count}"], count), plda.project(golden["plda/test"])
        scores = plda.bilinear(enrol, count, test).block(slice(None))
        np.testing.assert_allclose(scores, golden[f"plda/llru_n{count}_norm_f64"], atol=1e-9)


def test_em_raises_the_likelihood() -> None:
    data, speakers, _, _ = simulate(np.array([1, 2, 2, 3, 5, 4, 1, 6, 2, 3]), 3)
    values = [log_likelihood(train_plda(data, speakers, iterations=n), data, speakers) for n in (1, 2, 3, 5, 10, 50)]
    assert np.all(np.diff(values) > 0)


def test_em_converges_to_the_closed_form_of_balanced_data() -> None:
    data, speakers, _, _ = simulate(np.full(60, 6), 3, seed=4)
    em, closed = train_plda(data, speakers, iterations=3000), train_plda(data, speakers, "closed-form")
    np.testing.assert_allclose(em.within, closed.within, rtol=1e-6)
    # Maximum likelihood divides the scatter of the means by S, the unbiased moments by S - 1.
    likeliest = (closed.between + closed.within / 6) * 59 / 60 - closed.within / 6
    np.testing.assert_allclose(em.between, likeliest, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(em.mean, closed.mean)


@pytest.mark.parametrize("method", ["em", "closed-form"])
def test_recovers_the_truth(method: str) -> None:
    counts = np.random.default_rng(0).integers(2, 20, 3000)
    data, speakers, between, within = simulate(counts, 4, seed=7)
    plda = train_plda(data, speakers, method, iterations=200)
    np.testing.assert_allclose(plda.within, within, atol=0.03 * np.abs(within).max())
    np.testing.assert_allclose(plda.between, between, atol=0.06 * np.abs(between).max())


def test_order_of_recordings_does_not_matter() -> None:
    data, speakers, _, _ = simulate(np.array([3, 4, 5, 6, 7]), 3)
    order = np.random.default_rng(1).permutation(len(data))
    one, other = train_plda(data, speakers), train_plda(data[order], speakers[order])
    np.testing.assert_allclose(one.psi, other.psi, rtol=1e-9)


def test_speechbrain_reaches_the_same_covariances() -> None:
    reference = pytest.importorskip("speechbrain.processing.PLDA_LDA")
    data, speakers, _, _ = simulate(np.full(150, 8), 3, seed=9)
    names = np.array([f"s{speaker:03d}" for speaker in speakers])
    empty = np.array([None] * len(data))
    statistics = reference.StatObject_SB(
        modelset=names,
        segset=np.array([f"u{i}" for i in range(len(data))]),
        start=empty,
        stop=empty,
        stat0=np.ones((len(data), 1)),
        stat1=data.copy(),
    )
    model = reference.PLDA(rank_f=3, nb_iter=400)
    model.plda(statistics)
    ours = train_plda(data, speakers, iterations=3000)
    np.testing.assert_allclose(model.Sigma, ours.within, rtol=0, atol=0.02 * np.abs(ours.within).max())
    np.testing.assert_allclose(model.F @ model.F.T, ours.between, rtol=0, atol=0.02 * np.abs(ours.between).max())


def test_bad_input() -> None:
    data, speakers, _, _ = simulate(np.array([3, 4, 5]), 3)
    with pytest.raises(InputError, match="unknown PLDA training method 'x'; the known ones are: closed-form, em"):
        train_plda(data, speakers, "x")
    with pytest.raises(InputError, match="one is the least"):
        train_plda(data, speakers, iterations=0)
    with pytest.raises(InputError, match="12 embeddings but 3 speaker labels"):
        train_plda(data, speakers[:3])
    with pytest.raises(InputError, match=r"within-speaker covariance is singular: rank 3 of 4 .*lda:DIM"):
        train_plda(np.hstack([data, data[:, :1]]), speakers)
