"""The thresholds that the slider of the page stops at: few, shared by all systems, with exact counts at each.

Any threshold between two neighbouring scores gives the same errors. Each stop is the shortest decimal number in such
a gap, so the page stays small and the rates that it shows are those of the number that it shows.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from speakerssl.metrics.roc import Roc


def shared_thresholds(rocs: Sequence[Roc], points: Sequence[Iterable[float]], limit: int = 1600) -> np.ndarray:
    """float64 [G], ascending: thresholds from accept-all to reject-all, dense in the tails of both classes.

    Args:
        rocs: the operating points of each system.
        points: for each system, thresholds that must be among the stops (EER, minDCF).
        limit: about how many stops (`points` come on top).
    """
    each = max(10, limit // (2 * len(rocs)))
    stops: set[float] = set()
    for roc, wanted in zip(rocs, points, strict=True):
        last = len(roc.thresholds) - 1
        by_miss = np.searchsorted(roc.misses, _ranks(roc.targets, each))
        by_alarm = last - np.searchsorted(roc.false_alarms[::-1], _ranks(roc.nontargets, each))
        chosen = roc.thresholds[np.unique(np.concatenate([by_miss, by_alarm, [0, last]]))]
        stops.update(short_threshold(roc, float(value)) for value in [*chosen, *wanted])
    return np.array(sorted(stops))


def counts_at(roc: Roc, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(misses, false alarms), int64 like `thresholds`, where scores at or above each threshold are accepted."""
    point = np.searchsorted(roc.thresholds, thresholds, side="left")
    point = np.minimum(point, len(roc.thresholds) - 1)
    return roc.misses[point], roc.false_alarms[point]


def short_threshold(roc: Roc, threshold: float) -> float:
    """The shortest decimal that makes the same decisions on the scores of `roc` as `threshold`."""
    point = int(np.searchsorted(roc.thresholds, threshold, side="left"))
    first, last = float(roc.thresholds[0]), float(roc.thresholds[-1])
    margin = max(last - first, 1e-6) / 50
    if point >= len(roc.thresholds) - 1:  # above every score
        return shortest_between(float(roc.thresholds[-2]), last + margin)
    low = float(roc.thresholds[point - 1]) if point else first - margin
    return shortest_between(low, float(roc.thresholds[point]))


def shortest_between(low: float, high: float) -> float:
    """The number in (low, high] with the fewest significant digits (three at least), close to `high`."""
    for digits in range(2, 16):
        scale = 10.0 ** (math.floor(math.log10(abs(high))) - digits) if high else 1.0
        for value in (high, high - scale):
            rounded = float(f"{value:.{digits}e}")
            if low < rounded <= high:
                return rounded
    return high


def _ranks(total: int, count: int) -> np.ndarray:
    """At most `count` of 0 .. total, evenly spaced on the normal-deviate scale; all of them where there are few."""
    if total < count:
        return np.arange(total + 1)
    reach = -ndtri(0.5 / total)
    inner = np.floor(ndtr(np.linspace(-reach, reach, count - 2)) * total).astype(np.int64)
    return np.unique(np.concatenate([[0], inner, [total]]))
