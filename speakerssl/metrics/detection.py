"""Detection metrics of verification scores: EER, detection cost, AUC, and what holds at a fixed false-alarm rate.

All work on the operating points of `speakerssl.metrics.roc` and give the threshold that reaches what they report.
Costs: van Leeuwen and Bruemmer, "An introduction to application-independent evaluation of speaker recognition
systems", 2007; the NIST speaker recognition evaluation plans.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from speakerssl.kernels import njit
from speakerssl.metrics.roc import Roc, first_with_alarms, hull_points
from speakerssl.metrics.sorted_scores import sorted_classes, sorted_eer, sorted_min_dcf


@dataclass(frozen=True)
class OperatingPoint:
    """A metric's value and the threshold (accept at or above it), miss and false-alarm probability behind it."""

    value: float
    threshold: float
    p_miss: float
    p_fa: float


def eer(roc: Roc) -> OperatingPoint:
    """Equal error rate in [0, 1]: where the line through neighbouring operating points crosses p_miss = p_fa.

    The threshold is that of the neighbour whose two rates lie closer together.
    """
    value, point = eer_kernel(roc.misses, roc.false_alarms, roc.misses[-1], roc.false_alarms[0])
    return _point(roc, point, value)


def eer_hull(roc: Roc) -> OperatingPoint:
    """Equal error rate on the convex hull of the ROC (BOSARIS's ROCCH-EER); at most the interpolated one."""
    hull = hull_points(roc.misses, roc.false_alarms)
    value, point = eer_kernel(roc.misses[hull], roc.false_alarms[hull], roc.misses[-1], roc.false_alarms[0])
    return _point(roc, int(hull[point]), value)


def eer_value(roc: Roc) -> float:
    """The value of `eer`, also of a bootstrap draw, which counts the points near the crossing only when asked."""
    crossing = crossing_kernel(roc.misses, roc.false_alarms, roc.misses[-1], roc.false_alarms[0])
    return float(eer_kernel(*roc.points_up_to(crossing), roc.misses[-1], roc.false_alarms[0])[0])


def eer_hull_value(roc: Roc) -> float:
    """The value of `eer_hull`."""
    return float(eer_kernel(*roc.hull, roc.misses[-1], roc.false_alarms[0])[0])


def min_dcf(roc: Roc, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> OperatingPoint:
    """The least detection cost over all thresholds, normalized by that of the better blind decision (NIST).

    (c_miss p_target p_miss + c_fa (1 - p_target) p_fa) / min(c_miss p_target, c_fa (1 - p_target)); at most 1.
    """
    miss, alarm = dcf_weights(p_target, c_miss, c_fa)
    value, point = min_dcf_kernel(roc.misses, roc.false_alarms, miss, alarm)
    return _point(roc, point, value)


def min_dcf_value(roc: Roc, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """The value of `min_dcf`."""
    return float(min_dcf_kernel(roc.misses, roc.false_alarms, *dcf_weights(p_target, c_miss, c_fa))[0])


def actual_dcf(roc: Roc, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> OperatingPoint:
    """The normalized detection cost at the Bayes threshold, -logit of the effective prior.

    Scores must be natural log-likelihood ratios for it to mean anything; raw cosines give 1 or worse.
    """
    miss, alarm = dcf_weights(p_target, c_miss, c_fa)
    threshold = bayes_threshold(p_target, c_miss, c_fa)
    point = int(np.searchsorted(roc.thresholds, threshold, side="left"))
    point = min(point, len(roc.thresholds) - 1)
    p_miss, p_fa = roc.misses[point] / roc.misses[-1], roc.false_alarms[point] / roc.false_alarms[0]
    return OperatingPoint(float(miss * p_miss + alarm * p_fa), threshold, float(p_miss), float(p_fa))


def actual_dcf_value(roc: Roc, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """The value of `actual_dcf`."""
    miss, alarm = dcf_weights(p_target, c_miss, c_fa)
    misses, alarms = roc.counts_at(bayes_threshold(p_target, c_miss, c_fa))
    return miss * misses / int(roc.misses[-1]) + alarm * alarms / int(roc.false_alarms[0])


def dcf_weights(p_target: float, c_miss: float, c_fa: float) -> tuple[float, float]:
    """The factors of p_miss and p_fa in the normalized detection cost."""
    if not 0 < p_target < 1 or c_miss <= 0 or c_fa <= 0:
        raise ValueError(f"p_target {p_target} must lie between 0 and 1 and the costs {c_miss}, {c_fa} above 0")
    miss, alarm = c_miss * p_target, c_fa * (1 - p_target)
    return miss / min(miss, alarm), alarm / min(miss, alarm)


def bayes_threshold(p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """-logit of the effective prior c_miss p / (c_miss p + c_fa (1 - p)), in natural log-likelihood ratio."""
    return -math.log(c_miss * p_target / (c_fa * (1 - p_target)))


def auc(roc: Roc) -> float:
    """Area under the ROC: the probability that a target trial scores above a non-target one, ties counting half."""
    return float(auc_kernel(roc.misses, roc.false_alarms))


@dataclass(frozen=True)
class FixedFalseAlarm:
    """What holds at the lowest threshold whose false-alarm probability is at most `limit`.

    `precision` is the share of target trials among the accepted ones (it depends on the list's mixture; 1 where none
    is accepted), `recall` the share of targets accepted (1 - p_miss).
    """

    limit: float
    threshold: float
    p_miss: float
    p_fa: float
    precision: float

    @property
    def recall(self) -> float:
        """The share of target trials accepted."""
        return 1 - self.p_miss

    def as_point(self, value: str) -> OperatingPoint:
        """The operating point, with `precision` or `recall` as its value."""
        return OperatingPoint(getattr(self, value), self.threshold, self.p_miss, self.p_fa)


def at_false_alarm(roc: Roc, limit: float) -> FixedFalseAlarm:
    """Precision, recall and threshold at a false-alarm probability of at most `limit`."""
    point = int(first_with_alarms(roc.false_alarms, limit * roc.false_alarms[0]))
    alarms, hits = roc.false_alarms[point], roc.misses[-1] - roc.misses[point]
    precision = float(hits / (hits + alarms)) if hits + alarms > 0 else 1.0
    rates = float(roc.misses[point] / roc.misses[-1]), float(alarms / roc.false_alarms[0])
    return FixedFalseAlarm(limit, float(roc.thresholds[point]), *rates, precision)


def precision_value(roc: Roc, limit: float) -> float:
    """The precision of `at_false_alarm`."""
    misses, alarms = roc.counts_at_alarms(limit)
    hits = roc.targets - misses
    return hits / (hits + alarms) if hits + alarms > 0 else 1.0


def recall_value(roc: Roc, limit: float) -> float:
    """The recall of `at_false_alarm`."""
    return (roc.targets - roc.counts_at_alarms(limit)[0]) / roc.targets


def at_threshold(roc: Roc, threshold: float) -> tuple[float, float]:
    """Miss and false-alarm probability where scores at or above `threshold` are accepted."""
    point = min(int(np.searchsorted(roc.thresholds, threshold, side="left")), len(roc.thresholds) - 1)
    return float(roc.misses[point] / roc.misses[-1]), float(roc.false_alarms[point] / roc.false_alarms[0])


def det_points(roc: Roc, resolution: int = 400) -> dict[str, np.ndarray]:
    """Points for a DET curve: `threshold`, `p_miss`, `p_fa`, thinned to what normal-deviate axes can show.

    `resolution` is the number of steps an axis; both axes run from 1e-7 to 1 - 1e-7 in normal deviates.
    """
    normal = NormalDist()
    edge = normal.inv_cdf(1e-7)
    grid = np.array([normal.cdf(edge * (1 - 2 * step / resolution)) for step in range(resolution + 1)])
    by_miss = np.searchsorted(roc.p_miss, grid)
    by_fa = len(roc.thresholds) - 1 - np.searchsorted(roc.p_fa[::-1], grid)
    last = len(roc.thresholds) - 1
    keep = np.unique(np.clip(np.concatenate([by_miss, by_miss - 1, by_fa, by_fa + 1, [0, last]]), 0, last))
    return {"threshold": roc.thresholds[keep], "p_miss": roc.p_miss[keep], "p_fa": roc.p_fa[keep]}


def eer_and_min_dcf(
    scores: np.ndarray, labels: np.ndarray, p_target: float = 0.01, c_miss: float = 1.0, c_fa: float = 1.0
) -> tuple[float, float]:
    """The values of `eer` and `min_dcf` of scores [N] and labels [N] (positive: target), without storing a curve.

    Raises InputError for NaN, infinity or a missing class, ValueError for a prior or cost out of range.
    """
    weights = dcf_weights(p_target, c_miss, c_fa)
    target, nontarget = (side[:-1] for side in sorted_classes(scores, labels))
    return float(sorted_eer(target, nontarget)), float(sorted_min_dcf(target, nontarget, *weights))


def compute_eer(scores: np.ndarray, labels: np.ndarray) -> float:
    """The value of `eer` of scores [N] and labels [N] (positive: target), in [0, 1]."""
    return eer_and_min_dcf(scores, labels)[0]


def compute_min_dcf(
    scores: np.ndarray, labels: np.ndarray, p_target: float = 0.01, c_miss: float = 1.0, c_fa: float = 1.0
) -> float:
    """The value of `min_dcf` of scores [N] and labels [N] (positive: target)."""
    return eer_and_min_dcf(scores, labels, p_target, c_miss, c_fa)[1]


def _point(roc: Roc, point: int, value: float) -> OperatingPoint:
    return OperatingPoint(
        float(value),
        float(roc.thresholds[point]),
        float(roc.misses[point] / roc.misses[-1]),
        float(roc.false_alarms[point] / roc.false_alarms[0]),
    )


@njit
def crossing_kernel(misses: np.ndarray, alarms: np.ndarray, targets: float, nontargets: float) -> int:
    """The first point whose miss probability is at or above its false-alarm probability; both are monotonic."""
    low, high = 0, misses.size - 1
    while low < high:
        middle = (low + high) // 2
        if misses[middle] / targets >= alarms[middle] / nontargets:
            high = middle
        else:
            low = middle + 1
    return low


@njit
def eer_kernel(misses: np.ndarray, alarms: np.ndarray, targets: float, nontargets: float) -> tuple[float, int]:
    """EER and the index of the nearer neighbour of the crossing, of points among which the rates cross."""
    low = crossing_kernel(misses, alarms, targets, nontargets)
    above = misses[low] / targets - alarms[low] / nontargets
    below = alarms[low - 1] / nontargets - misses[low - 1] / targets
    share = below / (above + below)
    start = misses[low - 1] / targets
    value = start + share * (misses[low] / targets - start)
    return value, low if above <= below else low - 1


@njit
def min_dcf_kernel(misses: np.ndarray, alarms: np.ndarray, miss: float, alarm: float) -> tuple[float, int]:
    """Least cost and its point; `miss` and `alarm` weigh the two probabilities."""
    miss, alarm = miss / misses[-1], alarm / alarms[0]
    best, where = np.inf, 0
    for point in range(misses.size):
        cost = miss * misses[point] + alarm * alarms[point]
        if cost < best:
            best, where = cost, point
    return best, where


@njit
def auc_kernel(misses: np.ndarray, alarms: np.ndarray) -> float:
    """Area under the ROC by trapezoids, which give ties their half."""
    area = 0.0
    hits = misses[-1]
    for point in range(misses.size - 1):
        step = alarms[point] - alarms[point + 1]
        area += step * (hits - 0.5 * (misses[point] + misses[point + 1]))
    return area / (misses[-1] * 1.0 * alarms[0])
