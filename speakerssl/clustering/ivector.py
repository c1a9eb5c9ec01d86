"""i-vectors: a recording's Gaussian means as m + T w, with w the embedding (Dehak et al. 2011).

Statistics are taken in the space where every Gaussian has unit covariance. For a recording with counts n_c and sums
f_c about the means, w has the precision L = I + sum_c n_c T_c' T_c and the mean L^-1 sum_c T_c' f_c. EM goes over
recordings in batches; after each iteration minimum divergence (Kenny 2008) gives the w a zero mean and unit
covariance again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speakerssl.clustering.gmm import Mixture, statistics
from speakerssl.errors import InputError

Batch = tuple[np.ndarray, np.ndarray]  # counts [B, C] and whitened, centred sums [B, C, D]


@dataclass(frozen=True)
class IVectorExtractor:
    """`matrix` [C, D, R] and `offsets` [C, D] (of the means), both whitened by the covariances of `mixture`."""

    mixture: Mixture
    matrix: np.ndarray
    offsets: np.ndarray

    @property
    def dim(self) -> int:
        """R, numbers in an i-vector."""
        return int(self.matrix.shape[2])

    def extract(self, batch: Batch) -> np.ndarray:
        """i-vectors [B, R] of a batch of statistics."""
        return _posterior(self, batch, *_products(self.matrix))[0]


def whitened_statistics(mixture: Mixture, recordings: Iterable[np.ndarray]) -> Batch:
    """Statistics of recordings, frames [T, D] each: counts [B, C], and sums [B, C, D] about the whitened means."""
    counts, sums = zip(*(statistics(mixture, frames) for frames in recordings))
    every, raw = np.stack(counts), np.stack(sums)
    centred = raw - every[:, :, None] * mixture.means
    if not mixture.full:
        return every, centred / np.sqrt(mixture.covariances)
    factors = np.linalg.inv(np.linalg.cholesky(mixture.covariances))
    return every, np.matmul(factors[None], centred[..., None])[..., 0]


def start_extractor(mixture: Mixture, dim: int, seed: int = 0) -> IVectorExtractor:
    """A random matrix to begin EM with. Raises InputError unless 1 <= dim <= C D."""
    gaussians, size = mixture.means.shape
    if not 1 <= dim <= gaussians * size:
        raise InputError(f"i-vectors of {dim} numbers: must be from 1 to Gaussians x features = {gaussians * size}")
    matrix = 0.1 * np.random.default_rng(seed).standard_normal((gaussians, size, dim))
    return IVectorExtractor(mixture, matrix, np.zeros((gaussians, size)))


@dataclass
class Sums:
    """What EM needs of recordings: numbers that add up, whoever counts which of them.

    left [C, D, R], right [C, R (R + 1) / 2], mean [R], second [R, R]: sums over recordings, float64.
    """

    left: np.ndarray
    right: np.ndarray
    mean: np.ndarray
    second: np.ndarray
    total: int = 0
    objective: float = 0.0

    @classmethod
    def of(cls, extractor: IVectorExtractor, batches: Iterable[Batch]) -> "Sums":
        """The E step over the recordings of `batches`."""
        gaussians, size, dim = extractor.matrix.shape
        products, upper = _products(extractor.matrix)
        zeros = np.zeros((gaussians, size, dim)), np.zeros((gaussians, len(upper[0])))
        sums = cls(*zeros, np.zeros(dim), np.zeros((dim, dim)))
        for counts, first in batches:
            vectors, covariances, logs = _posterior(extractor, (counts, first), products, upper)
            moments = covariances + vectors[:, :, None] * vectors[:, None, :]
            shifted = first - counts[:, :, None] * extractor.offsets
            sums.left += np.tensordot(shifted, vectors, axes=(0, 0))
            sums.right += counts.T @ moments[:, upper[0], upper[1]]
            sums.total += len(vectors)
            sums.mean += vectors.sum(0)
            sums.second += moments.sum(0)
            sums.objective += float(logs.sum())
        return sums

    def add(self, other: "Sums") -> "Sums":
        """This one, with `other` added to it."""
        for mine, theirs in zip(self._arrays(), other._arrays()):
            mine += theirs
        self.total += other.total
        self.objective += other.objective
        return self

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.left, self.right, self.mean, self.second


def em_step(extractor: IVectorExtractor, sums: Sums) -> tuple[IVectorExtractor, float]:
    """One EM iteration from the `sums` over all recordings; the new extractor, and what the old one says of them.

    That number, a mean over recordings, is the log-likelihood but for a constant, and grows from step to step.
    """
    if not sums.total:
        raise InputError("no recordings to train i-vectors on")
    dim, upper = extractor.dim, np.triu_indices(extractor.dim)
    right = _square(sums.right, upper, dim) + 1e-8 * np.eye(dim)
    matrix = np.linalg.solve(right, sums.left.transpose(0, 2, 1)).transpose(0, 2, 1)
    mean, second = sums.mean / sums.total, sums.second / sums.total
    factor = np.linalg.cholesky(second - np.outer(mean, mean))
    offsets = extractor.offsets + matrix @ mean
    return IVectorExtractor(extractor.mixture, matrix @ factor, offsets), sums.objective / sums.total


def _products(matrix: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The upper triangles [C, R (R + 1) / 2] of T_c' T_c, and where they lie."""
    upper = np.triu_indices(matrix.shape[2])
    return np.stack([(part.T @ part)[upper] for part in matrix]), upper


def _posterior(
    extractor: IVectorExtractor, batch: Batch, products: np.ndarray, upper: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means [B, R] and covariances [B, R, R] of w, and the log-likelihoods [B] but for a constant."""
    counts, sums = batch
    gaussians, size, dim = extractor.matrix.shape
    shifted = sums - counts[:, :, None] * extractor.offsets
    linear = shifted.reshape(len(counts), -1) @ extractor.matrix.reshape(gaussians * size, dim)
    precisions = _square(counts @ products, upper, dim) + np.eye(dim)
    covariances = np.linalg.inv(precisions)
    means = np.einsum("brs,bs->br", covariances, linear)
    # The offsets are part of the model: what they take from the quadratic term counts too.
    moved = (extractor.offsets * (sums - 0.5 * counts[:, :, None] * extractor.offsets)).sum((1, 2))
    logs = 0.5 * (np.einsum("br,br->b", linear, means) - np.linalg.slogdet(precisions)[1]) + moved
    return means, covariances, logs


def _square(packed: np.ndarray, upper: tuple[np.ndarray, np.ndarray], dim: int) -> np.ndarray:
    """Symmetric matrices [N, R, R] from their upper triangles [N, R (R + 1) / 2]."""
    matrices = np.zeros((len(packed), dim, dim))
    matrices[:, upper[0], upper[1]] = packed
    matrices[:, upper[1], upper[0]] = packed
    return matrices
