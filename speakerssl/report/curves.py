"""What the page draws: operating points and curves of a few hundred points each, whatever the number of trials."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from speakerssl.metrics.cllr import pav_llrs
from speakerssl.metrics.detection import det_points, eer, min_dcf
from speakerssl.metrics.roc import Roc
from speakerssl.report.model import OperatingPoint, SystemCurves
from speakerssl.report.thresholds import counts_at, shared_thresholds, short_threshold


def system_curves(
    names: Sequence[str], rocs: Sequence[Roc], p_targets: Sequence[float], limit: int = 1600
) -> tuple[list[SystemCurves], np.ndarray]:
    """The curves of every system and the thresholds [G] that they share (about `limit` of them)."""
    points = [operating_points(roc, p_targets) for roc in rocs]
    stops = shared_thresholds(rocs, [[point.threshold for point in of] for of in points], limit)
    curves = [_curves(name, roc, of, stops) for name, roc, of in zip(names, rocs, points)]
    return curves, stops


def operating_points(roc: Roc, p_targets: Sequence[float]) -> tuple[OperatingPoint, ...]:
    """The EER and the minimum of the detection cost at each prior, at stops of the slider."""
    equal = eer(roc)
    threshold = short_threshold(roc, equal.threshold)
    points = [OperatingPoint("eer", "EER", threshold, fa=equal.value, miss=equal.value)]
    for p_target in p_targets:
        least = min_dcf(roc, p_target)
        threshold = short_threshold(roc, least.threshold)
        points.append(OperatingPoint("min_dcf", f"minDCF p={p_target:g}", threshold, least.p_fa, least.p_miss))
    return tuple(points)


def _curves(name: str, roc: Roc, points: tuple[OperatingPoint, ...], stops: np.ndarray) -> SystemCurves:
    misses, false_alarms = counts_at(roc, stops)
    det = det_points(roc)
    keep = thin_by_deviates(det["p_fa"], det["p_miss"])
    edges, share_target, share_nontarget = histogram(roc)
    pav_score, pav_llr = calibration_curve(roc)
    return SystemCurves(
        name=name,
        targets=roc.targets,
        nontargets=roc.nontargets,
        eer=points[0].fa,
        points=points,
        misses=misses,
        false_alarms=false_alarms,
        det_fa=det["p_fa"][keep],
        det_miss=det["p_miss"][keep],
        det_threshold=det["threshold"][keep],
        edges=edges,
        share_target=share_target,
        share_nontarget=share_nontarget,
        pav_score=pav_score,
        pav_llr=pav_llr,
    )


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
