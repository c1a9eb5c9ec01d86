"""i-vectors: a recording's Gaussian means as m + T w, with w the embedding (Dehak et al. 2011).

Statistics are taken in the space where every Gaussian has unit covariance. For a recording with counts n_c and sums
f_c about the means, w has the precision L = I + sum_c n_c T_c' T_c and the mean L^-1 sum_c T_c' f_c. EM goes over
recordings in batches; ivector_em.py makes a new extractor of their sums.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from speakerssl.clustering.gmm import Mixture, statistics
from speakerssl.errors import InputError

Batch = tuple[np.ndarray, np.ndarray]  # counts [B, C] and whitened, centred sums [B, C, D]


@dataclass(frozen=True)
class IVectorExtractor:
    """`matrix` [C, D, R] and `offsets` [C, D] (of the means), both whitened by the residual covariances.

    `covariances`, [C, D, D] or diagonals [C, D], are those around the moved means; None: those of `mixture`.
    """

    mixture: Mixture
    matrix: np.ndarray
    offsets: np.ndarray
    covariances: np.ndarray | None = None

    @property
    def residuals(self) -> np.ndarray:
        """The residual covariances [C, D, D], or their diagonals [C, D]."""
        return self.mixture.covariances if self.covariances is None else self.covariances

    @property
    def dim(self) -> int:
        """R, numbers in an i-vector."""
        return int(self.matrix.shape[2])

    def extract(self, batch: Batch) -> np.ndarray:
        """i-vectors [B, R] of a batch of statistics."""
        return _posterior(self, batch, _products(self.matrix)[0])[0]


def whitened_statistics(
    mixture: Mixture,
    recordings: Iterable[np.ndarray],
    covariances: np.ndarray | None = None,
    squares: np.ndarray | None = None,
) -> Batch:
    """Statistics of recordings, frames [T, D] each: counts [B, C], and sums [B, C, D] about the whitened means.

    `covariances` are those that whiten, by default the mixture's. The second moments of all frames, neither centred nor
    whitened, are added to `squares`, [C, D, D] or [C, D].
    """
    counts, sums = zip(*(statistics(mixture, frames, squares) for frames in recordings))
    every, raw = np.stack(counts), np.stack(sums)
    covariances = mixture.covariances if covariances is None else covariances
    centred = raw - every[:, :, None] * mixture.means
    if covariances.ndim == 2:
        return every, centred / np.sqrt(covariances)
    factors = np.linalg.inv(np.linalg.cholesky(covariances))
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

    left [C, D, R], right [C, R (R + 1) / 2], mean [R], second [R, R], counts [C] and first [C, D] (whitened): sums over
    recordings, float64. squares are the second moments of all frames, see `whitened_statistics`; [0] where the residual
    covariances are not asked for.
    """

    left: np.ndarray
    right: np.ndarray
    mean: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    squares: np.ndarray
    total: int = 0
    objective: float = 0.0

    @classmethod
    def of(cls, extractor: IVectorExtractor, batches: Iterable[Batch], squares: np.ndarray | None = None) -> "Sums":
        """The E step over the recordings of `batches`, which fill `squares` as they come."""
        gaussians, size, dim = extractor.matrix.shape
        products, upper = _products(extractor.matrix)
        zeros = np.zeros((gaussians, size, dim)), np.zeros((gaussians, len(upper[0])))
        squares = np.zeros(0) if squares is None else squares
        moments = np.zeros(dim), np.zeros((dim, dim))
        sums = cls(*zeros, *moments, np.zeros(gaussians), np.zeros((gaussians, size)), squares)
        for counts, first in batches:
            vectors, covariances, logs = _posterior(extractor, (counts, first), products)
            products_of_w = covariances + vectors[:, :, None] * vectors[:, None, :]
            shifted = first - counts[:, :, None] * extractor.offsets
            sums.left += np.tensordot(shifted, vectors, axes=(0, 0))
            sums.right += counts.T @ products_of_w[:, upper[0], upper[1]]
            sums.counts += counts.sum(0)
            sums.first += first.sum(0)
            sums.total += len(vectors)
            sums.mean += vectors.sum(0)
            sums.second += products_of_w.sum(0)
            sums.objective += float(logs.sum())
        return sums

    def add(self, other: "Sums") -> "Sums":
        """This one, with `other` added to it."""
        for mine, theirs in zip(self._arrays(), other._arrays()):
            mine += theirs
        self.total += other.total
        self.objective += other.objective
        return self

    def scatter(self, extractor: IVectorExtractor) -> np.ndarray:
        """The second moments [C, D, D] about the means, whitened; of diagonal covariances the diagonals alone."""
        means, counts = extractor.mixture.means, self.counts[:, None]
        if self.squares.ndim == 2:
            roots = np.sqrt(extractor.residuals)
            moved = 2 * roots * self.first + counts * means
            each = (self.squares - moved * means) / extractor.residuals
            return each[:, :, None] * np.eye(each.shape[1])
        roots = np.linalg.cholesky(extractor.residuals)
        moved = (roots @ self.first[:, :, None]) * means[:, None, :]
        about = counts[:, :, None] * means[:, :, None] * means[:, None, :]
        centred = self.squares - moved - moved.transpose(0, 2, 1) - about
        half = np.linalg.solve(roots, centred)
        return np.linalg.solve(roots, half.transpose(0, 2, 1))

    def log_likelihood(self, extractor: IVectorExtractor) -> float:
        """What `extractor` says of the recordings, a mean, but for a constant: see `em_step`."""
        if not self.squares.size:
            return self.objective / self.total
        whole = extractor.residuals.ndim == 3
        logs = np.linalg.slogdet(extractor.residuals)[1] if whole else np.log(extractor.residuals).sum(1)
        around = np.trace(self.scatter(extractor), axis1=1, axis2=2).sum()
        return (self.objective - 0.5 * float(self.counts @ logs + around)) / self.total

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.left, self.right, self.mean, self.second, self.counts, self.first, self.squares


def _products(matrix: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The upper triangles [C, R (R + 1) / 2] of T_c' T_c, and where they lie."""
    upper = np.triu_indices(matrix.shape[2])
    return np.stack([(part.T @ part)[upper] for part in matrix]), upper


def _posterior(
    extractor: IVectorExtractor, batch: Batch, products: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means [B, R] and covariances [B, R, R] of w, and the log-likelihoods [B] but for a constant."""
    counts, sums = batch
    gaussians, size, dim = extractor.matrix.shape
    shifted = sums - counts[:, :, None] * extractor.offsets
    linear = shifted.reshape(len(counts), -1) @ extractor.matrix.reshape(gaussians * size, dim)
    precisions = square_matrices(counts @ products, dim) + np.eye(dim)
    covariances = np.linalg.inv(precisions)
    means = np.einsum("brs,bs->br", covariances, linear)
    # The offsets are part of the model: what they take from the quadratic term counts too.
    moved = (extractor.offsets * (sums - 0.5 * counts[:, :, None] * extractor.offsets)).sum((1, 2))
    logs = 0.5 * (np.einsum("br,br->b", linear, means) - np.linalg.slogdet(precisions)[1]) + moved
    return means, covariances, logs


def square_matrices(packed: np.ndarray, dim: int) -> np.ndarray:
    """Symmetric matrices [N, R, R] from their upper triangles [N, R (R + 1) / 2]."""
    upper = np.triu_indices(dim)
    matrices = np.zeros((len(packed), dim, dim))
    matrices[:, upper[0], upper[1]] = packed
    matrices[:, upper[1], upper[0]] = packed
    return matrices
