"""Cllr: how well scores serve as log-likelihood ratios, and how well they could after the best monotone map.

Bruemmer and du Preez, "Application-independent evaluation of speaker detection", 2006. In bits: 0 is perfect, 1 is
what a system that says nothing gets, more than 1 is worse than saying nothing.
"""

import numpy as np

from speakerssl.kernels import njit
from speakerssl.metrics.roc import Roc, hull_points

_LN2 = float(np.log(2.0))


def cllr(roc: Roc) -> float:
    """Cost of the scores taken as natural log-likelihood ratios, in bits."""
    target, nontarget = roc.log_losses
    return float(0.5 * (target / roc.misses[-1] + nontarget / roc.false_alarms[0]))


def min_cllr(roc: Roc) -> float:
    """The least Cllr that any rising map of the scores reaches: isotonic regression by pool adjacent violators."""
    return float(min_cllr_kernel(*roc.hull))


def pav_llrs(roc: Roc) -> tuple[np.ndarray, np.ndarray]:
    """The optimal rising map behind `min_cllr`: the lowest score of each block and the block's natural LLR.

    Both [B], ascending. The first block's LLR is -inf where it holds no target, the last one's inf where it holds no
    non-target.
    """
    hull = hull_points(roc.misses, roc.false_alarms)
    targets = np.diff(roc.misses[hull]).astype(np.float64)
    nontargets = -np.diff(roc.false_alarms[hull]).astype(np.float64)
    with np.errstate(divide="ignore"):
        llrs = np.log(targets / roc.misses[-1]) - np.log(nontargets / roc.false_alarms[0])
    return roc.thresholds[hull[:-1]], llrs


@njit
def min_cllr_kernel(misses: np.ndarray, alarms: np.ndarray) -> float:
    """Minimal Cllr from the counts at the hull's vertices: each segment is a block of one LLR."""
    target, nontarget = 0.0, 0.0
    odds = misses[-1] / alarms[0]
    for vertex in range(misses.size - 1):
        accepted = misses[vertex + 1] - misses[vertex]
        rejected = alarms[vertex] - alarms[vertex + 1]
        # A block of one class alone has an infinite LLR of the right sign and costs nothing.
        if accepted > 0 and rejected > 0:
            ratio = rejected * odds / accepted
            target += accepted * np.log1p(ratio)
            nontarget += rejected * np.log1p(1.0 / ratio)
    return 0.5 * (target / misses[-1] + nontarget / alarms[0]) / _LN2
