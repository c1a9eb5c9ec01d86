"""The mixture against one number at a time: densities, pruned posteriors, statistics, EM that never falls."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from speakerssl.clustering.gmm import Mixture, em_step, statistics, train_mixture
from speakerssl.errors import InputError

D, C = 3, 5


def made_frames(count: int = 600, seed: int = 0) -> np.ndarray:
    """Frames of four skewed clouds."""
    rng = np.random.default_rng(seed)
    centres, mixing = 4 * rng.standard_normal((4, D)), rng.standard_normal((4, D, D))
    owner = rng.integers(4, size=count)
    return (centres[owner] + np.einsum("tij,tj->ti", mixing[owner], rng.standard_normal((count, D)))).astype(np.float32)


def made_mixture(full: bool) -> Mixture:
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(C))
    roots = rng.standard_normal((C, D, D))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(D)
    return Mixture(
        weights, 3 * rng.standard_normal((C, D)), covariances if full else covariances[:, range(D), range(D)]
    )


def slow_logs(mixture: Mixture, frame: np.ndarray) -> np.ndarray:
    matrices = mixture.covariances if mixture.full else [np.diag(v) for v in mixture.covariances]
    return np.array(
        [
            np.log(w) + multivariate_normal(m, s).logpdf(frame)
            for w, m, s in zip(mixture.weights, mixture.means, matrices)
        ]
    )


@pytest.mark.parametrize("full", [False, True])
def test_densities_and_posteriors(full: bool) -> None:
    mixture, frames = made_mixture(full), made_frames(40)
    logs = np.array([slow_logs(mixture, frame) for frame in frames])
    assert mixture.log_likelihood(frames) == pytest.approx(np.logaddexp.reduce(logs, axis=1).mean(), abs=1e-4)
    chosen, posteriors = mixture.posteriors(frames, floor=0.1)
    for row, numbers, found in zip(logs, chosen, posteriors):
        expected = np.exp(row - np.logaddexp.reduce(row))
        expected[expected < 0.1] = 0
        assert found == pytest.approx((expected / expected.sum())[numbers], abs=1e-4)


def test_the_chosen_gaussians_are_the_likeliest_by_their_diagonals() -> None:
    mixture, frames = made_mixture(True), made_frames(40)
    diagonal = Mixture(mixture.weights, mixture.means, mixture.variances())
    chosen, _ = mixture.posteriors(frames, top=2)
    for frame, numbers in zip(frames, chosen):
        assert set(numbers.tolist()) == set(np.argsort(-slow_logs(diagonal, frame))[:2].tolist())


def test_statistics_are_sums_over_posteriors() -> None:
    mixture, frames = made_mixture(True), made_frames(50)
    counts, sums = statistics(mixture, frames)
    expected_counts, expected_sums = np.zeros(C), np.zeros((C, D))
    for frame, numbers, shares in zip(frames, *mixture.posteriors(frames)):
        for c, share in zip(numbers, shares):
            expected_counts[c] += share
            expected_sums[c] += share * frame
    assert counts == pytest.approx(expected_counts)
    assert sums == pytest.approx(expected_sums)
    assert counts.sum() == pytest.approx(50)


@pytest.mark.parametrize("full", [False, True])
def test_an_em_step_by_hand_and_the_likelihood_never_falls(full: bool) -> None:
    frames, rng = made_frames(), np.random.default_rng(0)
    mixture, floor = made_mixture(full), np.full(D, 1e-6)
    after = em_step(mixture, frames, full, floor, rng)
    counts, sums, squares = np.zeros(C), np.zeros((C, D)), np.zeros((C, D, D))
    for frame, numbers, shares in zip(frames.astype(np.float64), *mixture.posteriors(frames)):
        for c, share in zip(numbers, shares):
            counts[c] += share
            sums[c] += share * frame
            squares[c] += share * np.outer(frame, frame)
    means = sums / counts[:, None]
    covariances = squares / counts[:, None, None] - np.einsum("ci,cj->cij", means, means)
    assert after.weights == pytest.approx(counts / counts.sum())
    assert after.means == pytest.approx(means, abs=1e-4)
    assert after.variances() == pytest.approx(covariances[:, range(D), range(D)], abs=1e-3)
    if full:
        assert after.covariances == pytest.approx(covariances, abs=1e-3)
    before = mixture.log_likelihood(frames)
    for _ in range(5):
        mixture = em_step(mixture, frames, full, floor, rng)
        assert mixture.log_likelihood(frames) >= before - 1e-3  # posteriors under the floor are dropped
        before = mixture.log_likelihood(frames)


def test_training_is_repeatable_and_finds_the_clouds() -> None:
    frames = made_frames(4000)
    one, again = (train_mixture(frames, 8, 10, 3, seed=2) for _ in range(2))
    assert np.array_equal(one.means, again.means)
    single = train_mixture(frames, 1, 1, 1)
    assert one.log_likelihood(frames) > single.log_likelihood(frames) + 1


def test_too_few_frames_are_an_error() -> None:
    with pytest.raises(InputError, match="100 Gaussians need 1000 frames of speech or more, there are 600"):
        train_mixture(made_frames(), 100)
