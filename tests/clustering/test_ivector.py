"""i-vectors against the textbook, one Gaussian at a time; EM that never falls; what minimum divergence leaves."""

import numpy as np
import pytest

from speakerssl.clustering.gmm import Mixture, statistics
from speakerssl.clustering.ivector import IVectorExtractor, Sums, em_step, start_extractor, whitened_statistics
from speakerssl.errors import InputError

C, D, R = 4, 3, 2


def made_mixture() -> Mixture:
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((C, D, D))
    return Mixture(
        rng.dirichlet(np.ones(C)), 6 * rng.standard_normal((C, D)), roots @ roots.transpose(0, 2, 1) + np.eye(D)
    )


def made_recordings(mixture: Mixture, count: int = 30) -> tuple[list[np.ndarray], np.ndarray]:
    """Recordings whose Gaussian means are moved along R directions, and how far."""
    rng = np.random.default_rng(1)
    directions, places = rng.standard_normal((C, D, R)), rng.standard_normal((count, R))
    recordings = []
    for place in places:
        owner = rng.choice(C, 80, p=mixture.weights)
        moved = mixture.means[owner] + (directions @ place)[owner]
        noise = np.stack([rng.multivariate_normal(np.zeros(D), mixture.covariances[c]) for c in owner])
        recordings.append((moved + noise).astype(np.float32))
    return recordings, places


def slow_posterior(extractor: IVectorExtractor, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of w by the formula with full covariances: T and offsets back in the frames' own space."""
    mixture = extractor.mixture
    counts, sums = statistics(mixture, frames)
    precision, linear = np.eye(R), np.zeros(R)
    for c in range(C):
        root = np.linalg.cholesky(mixture.covariances[c])
        matrix, offset = root @ extractor.matrix[c], root @ extractor.offsets[c]
        inverse = np.linalg.inv(mixture.covariances[c])
        precision += counts[c] * matrix.T @ inverse @ matrix
        linear += matrix.T @ inverse @ (sums[c] - counts[c] * (mixture.means[c] + offset))
    covariance = np.linalg.inv(precision)
    return covariance @ linear, covariance


def test_extraction_is_the_formula() -> None:
    mixture = made_mixture()
    recordings, _ = made_recordings(mixture, 5)
    rng = np.random.default_rng(2)
    extractor = IVectorExtractor(mixture, rng.standard_normal((C, D, R)), 0.1 * rng.standard_normal((C, D)))
    found = extractor.extract(whitened_statistics(mixture, recordings))
    assert found == pytest.approx(np.stack([slow_posterior(extractor, r)[0] for r in recordings]), abs=1e-6)


def test_an_em_step_is_the_formula() -> None:
    mixture = made_mixture()
    recordings, _ = made_recordings(mixture)
    extractor = start_extractor(mixture, R)
    batches = [whitened_statistics(mixture, part) for part in (recordings[:7], recordings[7:])]
    after, _ = em_step(extractor, Sums.of(extractor, batches[:1]).add(Sums.of(extractor, batches[1:])))
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
        extractor, value = em_step(extractor, Sums.of(extractor, [batch]))
        values.append(value)
    assert np.diff(values).min() > -1e-6
    found = extractor.extract(batch)
    assert found.mean(0) == pytest.approx(0, abs=0.1)
    explained = np.linalg.lstsq(np.c_[found, np.ones(len(found))], places, rcond=None)[1]
    assert explained.sum() < 0.15 * ((places - places.mean(0)) ** 2).sum()


def test_diagonal_covariances_are_full_ones_without_the_rest() -> None:
    full = made_mixture()
    diagonal = Mixture(full.weights, full.means, full.variances())
    same = Mixture(full.weights, full.means, np.stack([np.diag(v) for v in full.variances()]))
    recordings, _ = made_recordings(full, 3)
    for one, other in zip(whitened_statistics(diagonal, recordings), whitened_statistics(same, recordings)):
        assert one == pytest.approx(other, abs=1e-3)


def test_bad_sizes_are_an_error() -> None:
    with pytest.raises(InputError, match="must be from 1 to Gaussians x features = 12"):
        start_extractor(made_mixture(), 13)
    extractor = start_extractor(made_mixture(), R)
    with pytest.raises(InputError, match="no recordings"):
        em_step(extractor, Sums.of(extractor, []))
