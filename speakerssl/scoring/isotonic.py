"""Calibration by pool adjacent violators (PAV): the best non-decreasing map from scores to log-likelihood ratios."""

from dataclasses import dataclass

import numpy as np

from speakerssl.kernels import njit
from speakerssl.scoring.logistic import require_two_classes


@dataclass(frozen=True)
class Isotonic:
    """A non-decreasing, piecewise linear map through the points (`scores` [P], `llrs` [P]), flat outside of them."""

    scores: np.ndarray
    llrs: np.ndarray

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Log-likelihood ratios [T] (nats) of `scores` [T]."""
        return np.interp(scores, self.scores, self.llrs)


def fit_isotonic(scores: np.ndarray, labels: np.ndarray) -> Isotonic:
    """PAV on `scores` [T] with `labels` [T] of 1 (target) and 0 (Zadrozny and Elkan, 2002; Brümmer and du Preez, 2006).

    Tied scores share one value. As in the BOSARIS toolkit one trial of each class is imagined below all scores
    and above all scores (Laplace's rule), so that no ratio is infinite; the prior that is taken off the
    posterior is that of the real trials. The two ends of each block of equal ratio are the points of the map.
    Raises InputError if there is one class only.
    """
    require_two_classes(labels, "isotonic calibration")
    values, index = np.unique(scores, return_inverse=True)
    targets = np.bincount(index, labels.astype(np.float64))
    totals = np.bincount(index).astype(np.float64)
    # Laplace: one trial of each class at both ends.
    hits = np.concatenate([[1.0], targets, [1.0]])
    weights = np.concatenate([[2.0], totals, [2.0]])
    posterior = pool(hits, weights)
    prior = targets.sum() / totals.sum()
    llrs = np.log(posterior) - np.log1p(-posterior) - np.log(prior) + np.log1p(-prior)
    inner = llrs[1:-1]
    edge = np.ones(len(inner), dtype=bool)
    edge[1:-1] = (inner[1:-1] != inner[:-2]) | (inner[1:-1] != inner[2:])
    return Isotonic(values[edge], inner[edge])


@njit
def pool(hits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Non-decreasing weighted least-squares fit of hits/weights [P] (all in score order)."""
    size = len(hits)
    block_hits, block_weights = np.empty(size), np.empty(size)
    lengths = np.empty(size, np.int64)
    blocks = 0
    for i in range(size):
        block_hits[blocks], block_weights[blocks], lengths[blocks] = hits[i], weights[i], 1
        blocks += 1
        while (
            blocks > 1
            and block_hits[blocks - 2] * block_weights[blocks - 1] >= block_hits[blocks - 1] * block_weights[blocks - 2]
        ):
            block_hits[blocks - 2] += block_hits[blocks - 1]
            block_weights[blocks - 2] += block_weights[blocks - 1]
            lengths[blocks - 2] += lengths[blocks - 1]
            blocks -= 1
    fitted = np.empty(size)
    position = 0
    for block in range(blocks):
        fitted[position : position + lengths[block]] = block_hits[block] / block_weights[block]
        position += lengths[block]
    return fitted
