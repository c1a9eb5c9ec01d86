"""A Gaussian mixture over frames (the UBM of i-vectors), as Kaldi trains and prunes it: few Gaussians a frame.

For each frame the `top` Gaussians are chosen by their diagonal covariances; only those are evaluated in full,
posteriors under `floor` are dropped and the rest made to sum to 1. Numba does the work a frame, BLAS the choice.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from speakerssl.errors import InputError
from speakerssl.io import progress

BLOCK = 4096  # frames at a time: bounds the [frames, Gaussians] array
TOP, FLOOR = 20, 0.025  # Kaldi's num-gselect and min-post (verified)


@dataclass(frozen=True)
class Mixture:
    """C Gaussians over D numbers: weights [C], means [C, D], covariances [C, D] (diagonal) or [C, D, D], float64."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def full(self) -> bool:
        """Whether covariances are whole matrices."""
        return self.covariances.ndim == 3

    def variances(self) -> np.ndarray:
        """The diagonals of the covariances [C, D]."""
        return np.diagonal(self.covariances, axis1=1, axis2=2).copy() if self.full else self.covariances

    def posteriors(self, frames: np.ndarray, top: int = TOP, floor: float = FLOOR) -> tuple[np.ndarray, np.ndarray]:
        """The Gaussians of each frame [T, D]: numbers int64 [T, K] and posteriors float64 [T, K], K at most `top`."""
        found = self._evaluate(frames, top)
        return found[0], _normalize(found[1], floor)[0]

    def log_likelihood(self, frames: np.ndarray, top: int = TOP) -> float:
        """The mean log-density of frames [T, D] under their `top` Gaussians."""
        return float(_normalize(self._evaluate(frames, top)[1], 0.0)[1].mean())

    def _evaluate(self, frames: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers [T, K] of the chosen Gaussians, and the log of weight times density of each."""
        variances = self.variances()
        scaled = self.means / variances
        constant = -0.5 * (np.log(2 * math.pi * variances) + self.means * scaled).sum(1)
        constant += np.log(np.maximum(self.weights, 1e-300))
        count = min(top, len(self.weights))
        chosen = np.empty((len(frames), count), np.int64)
        logs = np.empty((len(frames), count))
        factors = np.linalg.inv(np.linalg.cholesky(self.covariances)) if self.full else np.empty((0, 0, 0))
        columns = scaled.T.astype(np.float32), (-0.5 / variances).T.astype(np.float32)
        for start in range(0, len(frames), BLOCK):
            part = np.ascontiguousarray(frames[start : start + BLOCK], np.float32)
            every = part @ columns[0] + (part * part) @ columns[1] + constant.astype(np.float32)
            best = np.argpartition(-every, count - 1, axis=1)[:, :count] if count < every.shape[1] else _all(every)
            chosen[start : start + BLOCK] = best
            logs[start : start + BLOCK] = np.take_along_axis(every, best, 1)
            if self.full:
                _full_logs(part, best, np.log(self.weights), self.means, factors, logs[start : start + BLOCK])
        return chosen, logs


def statistics(
    mixture: Mixture, frames: np.ndarray, squares: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Zeroth [C] and first order [C, D] statistics of frames [T, D], float64, not centred.

    Those of second order are added to `squares`, [C, D, D] or their diagonals [C, D].
    """
    chosen, posteriors = mixture.posteriors(frames)
    counts, sums = np.zeros(len(mixture.weights)), np.zeros(mixture.means.shape)
    frames = np.ascontiguousarray(frames, np.float32)
    _accumulate(frames, chosen, posteriors, counts, sums)
    if squares is not None:
        (_accumulate_full if squares.ndim == 3 else _accumulate_diagonal)(frames, chosen, posteriors, squares)
    return counts, sums


def train_mixture(
    frames: np.ndarray, gaussians: int, iterations: int = 20, full_iterations: int = 4, seed: int = 0
) -> Mixture:
    """Maximum likelihood by EM: `iterations` with diagonal covariances, then `full_iterations` with full ones.

    Begins at random frames. Variances stay above a hundredth of those of all frames (a choice); a Gaussian that
    fewer than D frames belong to is put beside the heaviest one. Kaldi's VoxCeleb recipe has 2048 Gaussians, 20 and
    4 iterations on 500,000 frames (verified). Raises InputError for fewer than 10 frames a Gaussian.
    """
    if gaussians < 1 or len(frames) < 10 * gaussians:
        raise InputError(
            f"{gaussians} Gaussians need {10 * gaussians} frames of speech or more, there are {len(frames)}"
        )
    rng = np.random.default_rng(seed)
    spread = frames.var(axis=0, dtype=np.float64)
    means = frames[np.sort(rng.choice(len(frames), gaussians, replace=False))].astype(np.float64)
    mixture = Mixture(np.full(gaussians, 1 / gaussians), means, np.tile(spread, (gaussians, 1)))
    total = iterations + full_iterations
    for number in progress(range(total), total, "training the UBM"):
        mixture = em_step(mixture, frames, full=number >= iterations, floor=0.01 * spread, rng=rng)
    return mixture


def em_step(mixture: Mixture, frames: np.ndarray, full: bool, floor: np.ndarray, rng: np.random.Generator) -> Mixture:
    """One EM iteration over frames [T, D]; `floor` [D] are the smallest variances."""
    gaussians, dim = mixture.means.shape
    counts, sums = np.zeros(gaussians), np.zeros((gaussians, dim))
    squares = np.zeros((gaussians, dim, dim) if full else (gaussians, dim))
    for start in range(0, len(frames), 16 * BLOCK):
        part = np.ascontiguousarray(frames[start : start + 16 * BLOCK], np.float32)
        chosen, posteriors = mixture.posteriors(part)
        _accumulate(part, chosen, posteriors, counts, sums)
        (_accumulate_full if full else _accumulate_diagonal)(part, chosen, posteriors, squares)
    safe = np.maximum(counts, 1e-10)
    means = sums / safe[:, None]
    if full:
        covariances = squares / safe[:, None, None] - means[:, :, None] * means[:, None, :]
        covariances = _floored(covariances, floor)
    else:
        covariances = np.maximum(squares / safe[:, None] - means**2, floor)
    found = Mixture(safe / safe.sum(), means, covariances)
    return _refill(found, counts < dim, rng)


def _refill(mixture: Mixture, starved: np.ndarray, rng: np.random.Generator) -> Mixture:
    """Gaussians that have too few frames, put beside the heaviest one with half of its weight."""
    weights, means, covariances = mixture.weights.copy(), mixture.means.copy(), mixture.covariances.copy()
    for empty in np.flatnonzero(starved):
        heavy = int(weights.argmax())
        spread = np.sqrt(replace(mixture, covariances=covariances).variances()[heavy])
        means[empty] = means[heavy] + 0.2 * spread * rng.standard_normal(means.shape[1])
        covariances[empty] = covariances[heavy]
        weights[empty] = weights[heavy] = weights[heavy] / 2
    return Mixture(weights / weights.sum(), means, covariances)


def _floored(covariances: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Symmetric matrices whose eigenvalues, in units of `floor` [D], are at least 1."""
    scale = np.sqrt(floor)
    values, vectors = np.linalg.eigh(covariances / scale[:, None] / scale)
    rebuilt = (vectors * np.maximum(values, 1.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return rebuilt * scale[:, None] * scale


def _all(every: np.ndarray) -> np.ndarray:
    return np.tile(np.arange(every.shape[1]), (len(every), 1))


@njit(cache=True, nogil=True)
def _normalize(logs: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors [T, K], those under `floor` dropped, and the log of each frame's sum [T]."""
    posteriors, totals = np.empty_like(logs), np.empty(len(logs))
    for t in range(len(logs)):
        highest = logs[t].max()
        weights = np.exp(logs[t] - highest)
        total = weights.sum()
        totals[t] = highest + np.log(total)
        weights /= total
        best = weights.max()
        for k in range(len(weights)):
            if weights[k] < floor and weights[k] < best:
                weights[k] = 0.0
        posteriors[t] = weights / weights.sum()
    return posteriors, totals


@njit(cache=True, nogil=True)
def _full_logs(
    frames: np.ndarray,
    chosen: np.ndarray,
    log_weights: np.ndarray,
    means: np.ndarray,
    factors: np.ndarray,
    out: np.ndarray,
) -> None:
    """log weight + log density of the chosen Gaussians; `factors` are inverses of the Cholesky factors."""
    dim = means.shape[1]
    half = 0.5 * dim * np.log(2 * np.pi)
    for t in range(len(frames)):
        for k in range(chosen.shape[1]):
            c = chosen[t, k]
            distance, determinant = 0.0, 0.0
            for i in range(dim):
                value = 0.0
                for j in range(i + 1):
                    value += factors[c, i, j] * (frames[t, j] - means[c, j])
                distance += value * value
                determinant += np.log(factors[c, i, i])
            out[t, k] = log_weights[c] + determinant - half - 0.5 * distance


@njit(cache=True, nogil=True)
def _accumulate(
    frames: np.ndarray, chosen: np.ndarray, posteriors: np.ndarray, counts: np.ndarray, sums: np.ndarray
) -> None:
    for t in range(len(frames)):
        for k in range(chosen.shape[1]):
            share = posteriors[t, k]
            if share > 0:
                counts[chosen[t, k]] += share
                for i in range(frames.shape[1]):
                    sums[chosen[t, k], i] += share * frames[t, i]


@njit(cache=True, nogil=True)
def _accumulate_diagonal(frames: np.ndarray, chosen: np.ndarray, posteriors: np.ndarray, squares: np.ndarray) -> None:
    for t in range(len(frames)):
        for k in range(chosen.shape[1]):
            share = posteriors[t, k]
            if share > 0:
                for i in range(frames.shape[1]):
                    squares[chosen[t, k], i] += share * frames[t, i] * frames[t, i]


@njit(cache=True, nogil=True)
def _accumulate_full(frames: np.ndarray, chosen: np.ndarray, posteriors: np.ndarray, squares: np.ndarray) -> None:
    dim = frames.shape[1]
    for t in range(len(frames)):
        for k in range(chosen.shape[1]):
            share = posteriors[t, k]
            if share > 0:
                for i in range(dim):
                    for j in range(dim):
                        squares[chosen[t, k], i, j] += share * frames[t, i] * frames[t, j]
