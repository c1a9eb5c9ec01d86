"""The M step of i-vectors, as Kaldi's ivector-extractor-est: the matrix, the residual covariances, then the prior.

The residual covariances, of frames around a recording's moved means, begin as those of the UBM; the UBM alone says
which Gaussian a frame belongs to. The prior is estimated by minimum divergence (Kenny 2008), which gives the w a zero
mean and unit covariance again. Kaldi's mixture weights that depend on the i-vector are left out; its recipes do without
them (unverified).
"""

from dataclasses import dataclass, replace

import numpy as np

from speakerssl.clustering.ivector import IVectorExtractor, Sums, square_matrices
from speakerssl.errors import InputError
from speakerssl.options import check_range


@dataclass(frozen=True)
class Updates:
    """What an iteration of EM estimates beside the matrix; the defaults are those of Kaldi (verified).

    covariances: the residual covariances.
    prior: minimum divergence, which gives the i-vectors zero mean and unit covariance.
    variance_floor: the covariances stay above this share of their mean over Gaussians, in every direction.
    min_count: a Gaussian of fewer frames keeps its matrix and covariance.
    """

    covariances: bool = True
    prior: bool = True
    variance_floor: float = 0.1
    min_count: float = 100.0

    def __post_init__(self) -> None:
        check_range("variance_floor", self.variance_floor, 0, 1)
        check_range("min_count", self.min_count, 0)


def em_step(extractor: IVectorExtractor, sums: Sums, updates: Updates | None = None) -> tuple[IVectorExtractor, float]:
    """One EM iteration from the `sums` over all recordings; the new extractor, and what the old one says of them.

    That number, a mean over recordings, is the log-likelihood but for a constant, and grows from step to step; only
    floors may take a little of it. Raises InputError where there are no sums.
    """
    if not sums.total:
        raise InputError("no recordings to train i-vectors on")
    updates = updates or Updates()
    right = square_matrices(sums.right, extractor.dim) + 1e-8 * np.eye(extractor.dim)
    matrix = np.linalg.solve(right, sums.left.transpose(0, 2, 1)).transpose(0, 2, 1)
    enough = (sums.counts >= updates.min_count)[:, None, None]
    after = replace(extractor, matrix=np.where(enough, matrix, extractor.matrix))
    if updates.covariances and sums.squares.size:
        after = update_covariances(after, sums, updates)
    if updates.prior:
        mean, second = sums.mean / sums.total, sums.second / sums.total
        factor = np.linalg.cholesky(second - np.outer(mean, mean))
        after = replace(after, matrix=after.matrix @ factor, offsets=after.offsets + after.matrix @ mean)
    return after, sums.log_likelihood(extractor)


def update_covariances(extractor: IVectorExtractor, sums: Sums, updates: Updates) -> IVectorExtractor:
    """`extractor` with covariances that fit `sums`, which were taken before its matrix was updated.

    Matrix and offsets are those it has, whitened anew.
    """
    enough = sums.counts >= updates.min_count
    if not enough.any():
        return extractor
    whole = _whole(extractor.residuals)
    factors = np.linalg.cholesky(whole)
    found = _expected(extractor, sums)
    found = factors @ found @ factors.transpose(0, 2, 1)
    if extractor.residuals.ndim == 2:
        found = _whole(np.diagonal(found, axis1=1, axis2=2))
    counts = sums.counts[enough]
    floor = updates.variance_floor * np.tensordot(counts / counts.sum(), found[enough], axes=(0, 0))
    after = np.where(enough[:, None, None], _above(found, floor, enough), whole)
    turn = np.linalg.solve(np.linalg.cholesky(after), factors)  # from frames whitened before to those whitened now
    covariances = np.diagonal(after, axis1=1, axis2=2).copy() if extractor.residuals.ndim == 2 else after
    offsets = np.matmul(turn, extractor.offsets[:, :, None])[:, :, 0]
    return replace(extractor, matrix=turn @ extractor.matrix, offsets=offsets, covariances=covariances)


def _expected(extractor: IVectorExtractor, sums: Sums) -> np.ndarray:
    """The mean over frames of (x - m - o - T w)(x - m - o - T w)' [C, D, D], expected over w, all of it whitened."""
    matrix, offsets, counts = extractor.matrix, extractor.offsets, sums.counts
    moments = square_matrices(sums.right, extractor.dim)
    # `left` is about the offsets that the sums were taken with, which are those of `extractor`: only the matrix is new.
    crossed = sums.left @ matrix.transpose(0, 2, 1) + sums.first[:, :, None] * offsets[:, None, :]
    around = counts[:, None, None] * offsets[:, :, None] * offsets[:, None, :]
    total = sums.scatter(extractor) + around + matrix @ moments @ matrix.transpose(0, 2, 1)
    total -= crossed + crossed.transpose(0, 2, 1)
    return total / np.maximum(counts, 1e-10)[:, None, None]


def _above(covariances: np.ndarray, floor: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """Symmetric matrices [C, D, D] whose directions have at least the variance that `floor` [D, D] has in them."""
    if not floor.any():
        return covariances
    root = np.linalg.cholesky(floor)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ np.where(enough[:, None, None], covariances, floor) @ inverse.T)
    return root @ ((vectors * np.maximum(values, 1.0)[:, None, :]) @ vectors.transpose(0, 2, 1)) @ root.T


def _whole(covariances: np.ndarray) -> np.ndarray:
    """Covariances [C, D, D] of diagonal or whole ones."""
    return covariances if covariances.ndim == 3 else covariances[:, :, None] * np.eye(covariances.shape[1])
