"""Means and covariances of labelled and unlabelled embeddings, and the matrix powers made from them."""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError

# An eigenvalue below this part of the largest one is rounding noise of float32 embeddings.
RELATIVE_RANK = 1e-9
# Rows worked on at once where a temporary copy of all would not fit a cache.
ROWS = 1024


@dataclass(frozen=True)
class SpeakerStatistics:
    """First and second order statistics of embeddings grouped by speaker (all float64).

    `means` [S, D] and `counts` [S] are per speaker, `within_scatter` [D, D] is the sum over all N
    embeddings of (x - mean of its speaker)(x - mean of its speaker)'.
    """

    means: np.ndarray
    counts: np.ndarray
    within_scatter: np.ndarray

    @property
    def global_mean(self) -> np.ndarray:
        """Mean over recordings, [D]."""
        return self.counts @ self.means / self.counts.sum()

    @property
    def within_covariance(self) -> np.ndarray:
        """Unbiased pooled within-speaker covariance [D, D]: scatter / (N - S)."""
        free = int(self.counts.sum()) - len(self.counts)
        if free < 1:
            raise InputError(
                "no speaker has two recordings, so the within-speaker covariance is unknown: "
                "give several recordings a speaker"
            )
        return self.within_scatter / free

    @property
    def between_scatter(self) -> np.ndarray:
        """Sum over speakers of count * (mean - global mean)(mean - global mean)', [D, D]."""
        centred = self.means - self.global_mean
        return (centred * self.counts[:, None]).T @ centred


def speaker_statistics(embeddings: np.ndarray, speakers: np.ndarray) -> SpeakerStatistics:
    """Statistics of `embeddings` [N, D] by their `speakers` [N] (any hashable labels).

    Raises InputError if there are fewer than two speakers.
    """
    if len(embeddings) != len(speakers):
        raise InputError(f"{len(embeddings)} embeddings but {len(speakers)} speaker labels")
    embeddings = np.asarray(embeddings, dtype=np.float64)
    _, index = np.unique(speakers, return_inverse=True)
    counts = np.bincount(index)
    if len(counts) < 2:
        raise InputError(f"{len(counts)} speaker(s) in the training labels; two are the least")
    order = np.argsort(index, kind="stable")
    ordered = embeddings[order]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(ordered, starts, axis=0) / counts[:, None]
    residual = ordered - means[index[order]]
    return SpeakerStatistics(means, counts, residual.T @ residual)


def covariance(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D] and covariance [D, D] (divided by N) of `embeddings` [N, D], in float64."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    mean = embeddings.mean(axis=0)
    centred = embeddings - mean
    return mean, centred.T @ centred / len(embeddings)


def weighted_energy(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over dimensions of weights x squared entries, [N], of `vectors` [N, D]; no copy of them all is made."""
    energy = np.empty(len(vectors))
    for start in range(0, len(vectors), ROWS):
        rows = slice(start, start + ROWS)
        energy[rows] = np.square(vectors[rows]) @ weights
    return energy


def eigen(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, largest first [D], and eigenvectors as columns [D, D] of a symmetric matrix.

    The sign of each vector is fixed (its largest entry is positive), so that runs are repeatable.
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    peaks = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return values, vectors * np.where(peaks < 0, -1.0, 1.0)


def require_full_rank(values: np.ndarray, what: str, cure: str) -> None:
    """Raises InputError if the eigenvalues `values` (largest first) of the covariance `what` show it singular."""
    floor = max(float(values[0]), 0.0) * RELATIVE_RANK
    rank = int((values > floor).sum())
    if rank < len(values):
        raise InputError(f"{what} covariance is singular: rank {rank} of {len(values)} dimensions; {cure}")


def symmetric_power(matrix: np.ndarray, power: float, what: str, cure: str) -> np.ndarray:
    """`matrix` ** `power` of a symmetric positive definite matrix [D, D]; InputError where it is singular."""
    values, vectors = eigen(matrix)
    require_full_rank(values, what, cure)
    return (vectors * values**power) @ vectors.T
