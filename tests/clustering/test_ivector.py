"""i-vectors against the textbook, one Gaussian at a time."""

import numpy as np
import pytest

from speakerssl.clustering.gmm import Mixture, statistics
from speakerssl.clustering.ivector import IVectorExtractor, start_extractor, whitened_statistics
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
