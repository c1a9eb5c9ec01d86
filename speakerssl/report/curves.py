"""The curves of the page reduced to a few hundred points each, whatever the number of trials."""

import math

import numpy as np
from scipy.special import ndtri

from speakerssl.metrics.cllr import pav_llrs
from speakerssl.metrics.roc import Roc


def significant(values: np.ndarray, digits: int = 6) -> list[float]:
    """`values` [N] as a list of floats of `digits` significant digits, so that their JSON is short."""
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=np.float64)]


def thin_by_deviates(x: np.ndarray, y: np.ndarray, count: int = 400) -> np.ndarray:
    """Indices of at most `count` points of a DET curve, evenly spaced along it on normal-deviate axes; both ends kept.

    Args:
        x, y: rates in [0, 1], each [K], in the order of the thresholds.
    """
    dx, dy = (ndtri(np.clip(rates, 1e-7, 1.0 - 1e-7)) for rates in (x, y))
    return _thin_by_length(np.hypot(np.diff(dx), np.diff(dy)), count)


def thin_by_shape(x: np.ndarray, y: np.ndarray, count: int = 300) -> np.ndarray:
    """Indices of at most `count` points, evenly spaced along a curve drawn in a square box; both ends kept."""
    width, height = (max(float(np.ptp(values)), 1e-12) for values in (x, y))
    return _thin_by_length(np.hypot(np.diff(x) / width, np.diff(y) / height), count)


def calibration_curve(roc: Roc, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """(score [K], natural log-likelihood ratio [K]): PAV's map drawn as a staircase, at most about `count` corners.

    Blocks of one class alone have an infinite ratio and are left out; with nothing else (perfect separation) both
    arrays are empty.
    """
    starts, llrs = pav_llrs(roc)
    ends = np.append(starts[1:], roc.thresholds[-2])
    finite = np.isfinite(llrs)
    scores = np.column_stack([starts[finite], ends[finite]]).ravel()
    steps = np.repeat(llrs[finite], 2)
    keep = thin_by_shape(scores, steps, count) if len(scores) else np.zeros(0, dtype=np.int64)
    return scores[keep], steps[keep]


def _thin_by_length(steps: np.ndarray, count: int) -> np.ndarray:
    if len(steps) < count:
        return np.arange(len(steps) + 1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], count)
    return np.unique(np.append(np.minimum(np.searchsorted(along, wanted), len(steps)), len(steps)))


def histogram(roc: Roc, bins: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(edges [B+1], share of targets [B], share of non-targets [B]) of the scores; each class sums to 1.

    `bins` says about how many. Edges are multiples of 1, 2 or 5 times a power of ten, so that scores written with few
    decimals do not beat against them. Outliers beyond the 0.05 and 99.95 percentiles of both classes fall in the end
    bins where they would squeeze the plot.
    """
    scores, target, nontarget = roc.thresholds[:-1], np.diff(roc.misses), -np.diff(roc.false_alarms)
    low, high = float(scores[0]), float(scores[-1])
    inner = [
        float(scores[np.searchsorted(np.cumsum(counts), share * counts.sum())])
        for counts in (target, nontarget)
        for share in (0.0005, 0.9995)
    ]
    if high - low > 1.5 * (max(inner) - min(inner)) > 0:
        low, high = min(inner), max(inner)
    width = _nice_step((high - low) / bins) if high > low else 1.0
    first, last = math.floor(low / width + 1e-9), math.floor(high / width + 1e-9)
    which = np.clip(np.floor(scores / width + 1e-9).astype(np.int64), first, last) - first
    shares = [np.bincount(which, part, last - first + 1) / part.sum() for part in (target, nontarget)]
    return np.arange(first, last + 2) * width, shares[0], shares[1]


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for factor in (1, 2, 5, 10) if (step := factor * power) >= rough * (1 - 1e-9))
