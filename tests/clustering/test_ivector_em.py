"""EM of i-vectors against the textbook, frame by frame; the likelihood never falls; what minimum divergence leaves."""

import numpy as np
import pytest

from speakerssl.clustering.gmm import Mixture, statistics
from speakerssl.clustering.ivector import IVectorExtractor, Sums, start_extractor, whitened_statistics
from speakerssl.clustering.ivector_em import Updates, em_step
from speakerssl.errors import InputError
from tests.clustering.test_ivector import C, D, R, made_mixture, made_recordings, slow_posterior

MATRIX = Updates(covariances=False, min_count=0)
FREE = Updates(variance_floor=0, min_count=0)


def sums_of(extractor: IVectorExtractor, recordings: list[np.ndarray]) -> Sums:
    """The E step with second moments, in two parts that are added."""
    parts = []
    for some in (recordings[:7], recordings[7:]):
        squares = np.zeros(extractor.residuals.shape)
        batch = whitened_statistics(extractor.mixture, some, extractor.residuals, squares)
        parts.append(Sums.of(extractor, [batch], squares))
    return parts[0].add(parts[1])


def test_an_em_step_is_the_formula() -> None:
    mixture = made_mixture()
    recordings, _ = made_recordings(mixture)
    extractor = start_extractor(mixture, R)
    batches = [whitened_statistics(mixture, part) for part in (recordings[:7], recordings[7:])]
    after, _ = em_step(extractor, Sums.of(extractor, batches[:1]).add(Sums.of(extractor, batches[1:])), MATRIX)
    left, right = np.zeros((C, D, R)), np.zeros((C, R, R))
    means, moments = [], []
    for frames in recordings:
        counts, sums = statistics(mixture, frames)
        mean, covariance = slow_posterior(extractor, frames)
        moment = covariance + np.outer(mean, mean)
        means.append(mean)
        moments.append(moment)
        for c in range(C):
            root = np.linalg.cholesky(mixture.covariances[c])
            left[c] += np.outer(np.linalg.inv(root) @ (sums[c] - counts[c] * mixture.means[c]), mean)
            right[c] += counts[c] * moment
    matrix = np.stack([left[c] @ np.linalg.inv(right[c]) for c in range(C)])
    mean = np.mean(means, axis=0)
    factor = np.linalg.cholesky(np.mean(moments, axis=0) - np.outer(mean, mean))
    assert after.matrix == pytest.approx(matrix @ factor, abs=1e-5)
    assert after.offsets == pytest.approx(matrix @ mean, abs=1e-5)


def test_em_never_falls_and_the_vectors_follow_what_was_moved() -> None:
    mixture = made_mixture()
    recordings, places = made_recordings(mixture)
    batch = whitened_statistics(mixture, recordings)
    extractor, values = start_extractor(mixture, R), []
    for _ in range(12):
        extractor, value = em_step(extractor, Sums.of(extractor, [batch]), MATRIX)
        values.append(value)
    assert np.diff(values).min() > -1e-6
    found = extractor.extract(batch)
    assert found.mean(0) == pytest.approx(0, abs=0.1)
    explained = np.linalg.lstsq(np.c_[found, np.ones(len(found))], places, rcond=None)[1]
    assert explained.sum() < 0.15 * ((places - places.mean(0)) ** 2).sum()


def diagonal(mixture: Mixture) -> Mixture:
    return Mixture(mixture.weights, mixture.means, mixture.variances())


def whole(covariances: np.ndarray) -> np.ndarray:
    return covariances if covariances.ndim == 3 else np.stack([np.diag(one) for one in covariances])


def in_frames(extractor: IVectorExtractor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrix [C, D, R], moved means [C, D] and covariances [C, D, D] in the frames' own space."""
    covariances = whole(extractor.residuals)
    roots = np.linalg.cholesky(covariances)
    offsets = (roots @ extractor.offsets[:, :, None])[:, :, 0]
    return roots @ extractor.matrix, extractor.mixture.means + offsets, covariances


def slow_step(extractor: IVectorExtractor, recordings: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """New matrix, new residual covariances, and log-likelihood a recording: sums over frames of the model as it is.

    Each frame counts for its Gaussians by their posteriors, and w is integrated over in closed form.
    """
    matrix, means, covariances = in_frames(extractor)
    inverses = np.linalg.inv(covariances)
    every, left, right, counts, total = [], np.zeros((C, D, R)), np.zeros((C, R, R)), np.zeros(C), 0.0
    for frames in recordings:
        chosen, posteriors = extractor.mixture.posteriors(frames)
        shares = [(c, g, x.astype(float)) for x, cs, gs in zip(frames, chosen, posteriors) for c, g in zip(cs, gs)]
        precision, linear = np.eye(R), np.zeros(R)
        for c, share, x in shares:
            precision += share * matrix[c].T @ inverses[c] @ matrix[c]
            linear += share * matrix[c].T @ inverses[c] @ (x - means[c])
            away = x - means[c]
            logs = D * np.log(2 * np.pi) + np.linalg.slogdet(covariances[c])[1] + away @ inverses[c] @ away
            total -= 0.5 * share * logs
        covariance = np.linalg.inv(precision)
        mean = covariance @ linear
        total += 0.5 * (linear @ mean - np.linalg.slogdet(precision)[1])
        moment = covariance + np.outer(mean, mean)
        every.append((shares, mean, covariance))
        for c, share, x in shares:
            left[c] += share * np.outer(x - means[c], mean)
            right[c] += share * moment
            counts[c] += share
    after = np.stack([left[c] @ np.linalg.inv(right[c]) for c in range(C)])
    spread = np.zeros((C, D, D))
    for shares, mean, covariance in every:
        for c, share, x in shares:
            away = x - means[c] - after[c] @ mean
            spread[c] += share * (np.outer(away, away) + after[c] @ covariance @ after[c].T)
    return after, spread / counts[:, None, None], total / len(recordings)


@pytest.mark.parametrize("full", [True, False])
def test_residual_covariances_are_the_formula(full: bool) -> None:
    mixture = made_mixture() if full else diagonal(made_mixture())
    recordings, _ = made_recordings(made_mixture(), 12)
    rng = np.random.default_rng(3)
    start = start_extractor(mixture, R)
    own = 1.3 * mixture.covariances  # no longer those of the UBM
    extractor = IVectorExtractor(mixture, start.matrix, 0.1 * rng.standard_normal((C, D)), own)
    matrix, covariances, value = slow_step(extractor, recordings)
    if not full:
        covariances = np.stack([np.diag(np.diag(one)) for one in covariances])
    after, found = em_step(extractor, sums_of(extractor, recordings), Updates(True, False, 0.0, 0.0))
    assert in_frames(after)[0] == pytest.approx(matrix, abs=1e-5)
    assert whole(after.residuals) == pytest.approx(covariances, abs=1e-5)
    constant = 0.5 * D * np.log(2 * np.pi) * sum(len(frames) for frames in recordings) / len(recordings)
    assert found == pytest.approx(value + constant, abs=1e-5)


@pytest.mark.parametrize("updates", [FREE, Updates(min_count=10), Updates(prior=False, variance_floor=0, min_count=0)])
@pytest.mark.parametrize("full", [True, False])
def test_the_likelihood_never_falls_and_covariances_end_below_the_ubms(full: bool, updates: Updates) -> None:
    mixture = made_mixture() if full else diagonal(made_mixture())
    recordings, places = made_recordings(made_mixture())
    wide = Mixture(mixture.weights, mixture.means, 2 * mixture.covariances)  # as a UBM's, which hold the moves too
    extractor, values = start_extractor(wide, R), []
    for _ in range(8):
        extractor, value = em_step(extractor, sums_of(extractor, recordings), updates)
        values.append(value)
    assert np.diff(values).min() > -1e-6
    assert values[-1] > values[0] + 1
    spent = np.trace(whole(extractor.residuals), axis1=1, axis2=2) / np.trace(whole(wide.covariances), axis1=1, axis2=2)
    assert spent.max() < 0.85  # half of them is right
    batch = whitened_statistics(wide, recordings, extractor.residuals)
    found = extractor.extract(batch)
    explained = np.linalg.lstsq(np.c_[found, np.ones(len(found))], places, rcond=None)[1]
    assert explained.sum() < 0.2 * ((places - places.mean(0)) ** 2).sum()


def test_a_gaussian_of_few_frames_is_left_alone_and_floors_hold() -> None:
    mixture = made_mixture()
    recordings, _ = made_recordings(mixture, 12)
    extractor = start_extractor(mixture, R)
    sums = sums_of(extractor, recordings)
    most = float(np.sort(sums.counts)[1])  # all but the smallest have as many
    after, _ = em_step(extractor, sums, Updates(prior=False, min_count=most))
    few = sums.counts < most
    assert few.sum() == 1
    assert after.matrix[few] == pytest.approx(extractor.matrix[few])
    assert after.residuals[few] == pytest.approx(mixture.covariances[few])
    floored, _ = em_step(extractor, sums, Updates(prior=False, variance_floor=1.0, min_count=0))
    free, _ = em_step(extractor, sums, Updates(prior=False, variance_floor=0.0, min_count=0))
    mean = np.tensordot(sums.counts / sums.counts.sum(), free.residuals, axes=(0, 0))
    for one, other in zip(floored.residuals, free.residuals):
        assert np.linalg.eigvalsh(one - mean).min() > -1e-8
        assert np.trace(one) >= np.trace(other) - 1e-8


def test_bad_numbers_are_errors() -> None:
    extractor = start_extractor(made_mixture(), R)
    with pytest.raises(InputError, match="no recordings"):
        em_step(extractor, Sums.of(extractor, []))
    with pytest.raises(InputError, match="variance_floor must be a number from 0 to 1, got 2"):
        Updates(variance_floor=2)
