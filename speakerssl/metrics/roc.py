"""The operating points of a set of scores, from one sorted pass with ties grouped.

A trial is accepted where its score is at or above the threshold. There is one operating point a distinct score and
one above them all, so neither the order of the trials nor that of tied scores can change a number.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speakerssl.kernels import njit
from speakerssl.metrics.sorted_scores import sorted_classes

_LN2 = float(np.log(2.0))
_BLOCK = 1 << 20  # operating points whose losses are computed at once


@dataclass(frozen=True)
class Roc:
    """G + 1 operating points for G distinct scores, from accept-all to reject-all.

    `thresholds` float64 [G + 1] ascending; `misses` and `false_alarms` [G + 1]: the number of target trials below, and
    of non-target trials at or above, each threshold (a weighted number in the bootstrap).
    """

    thresholds: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray

    @property
    def targets(self) -> int:
        """The number of target trials."""
        return int(self.misses[-1])

    @property
    def nontargets(self) -> int:
        """The number of non-target trials."""
        return int(self.false_alarms[0])

    @property
    def p_miss(self) -> np.ndarray:
        """Miss probability (false rejection rate) at each point, 0 to 1."""
        return self.misses / self.misses[-1]

    @property
    def p_fa(self) -> np.ndarray:
        """False-alarm probability (false acceptance rate) at each point, 1 to 0."""
        return self.false_alarms / self.false_alarms[0]

    @cached_property
    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """Misses and false alarms at the vertices of the ROC's convex hull, from accept-all to reject-all."""
        vertices = hull_points(self.misses, self.false_alarms)
        return self.misses[vertices], self.false_alarms[vertices]

    @cached_property
    def log_losses(self) -> tuple[float, float]:
        """The sums over targets and over non-targets of the loss in bits of scores taken as natural LLRs."""
        sums = 0.0, 0.0
        for begin in range(0, len(self.thresholds) - 1, _BLOCK):
            part = slice(begin, begin + _BLOCK + 1)
            llrs = self.thresholds[part]
            sums = loss_sums(
                self.misses[part], self.false_alarms[part], target_losses(llrs), target_losses(-llrs), *sums
            )
        return sums

    def counts_at(self, threshold: float) -> tuple[int, int]:
        """(misses, false alarms) where scores at or above `threshold` are accepted."""
        point = min(int(np.searchsorted(self.thresholds, threshold, side="left")), len(self.thresholds) - 1)
        return int(self.misses[point]), int(self.false_alarms[point])

    def counts_at_alarms(self, limit: float) -> tuple[int, int]:
        """(misses, false alarms) at the lowest threshold whose false-alarm probability is at most `limit`."""
        point = first_with_alarms(self.false_alarms, limit * self.false_alarms[0])
        misses, alarms = self.points_up_to(point)
        inner = first_with_alarms(alarms, limit * self.false_alarms[0])
        return int(misses[inner]), int(alarms[inner])

    def points_up_to(self, point: int) -> tuple[np.ndarray, np.ndarray]:
        """(misses, false alarms) of all operating points from the one before `point` to `point` itself."""
        first = max(point - 1, 0)
        return self.misses[first : point + 1], self.false_alarms[first : point + 1]


def build_roc(scores: np.ndarray, labels: np.ndarray, where: str = "scores") -> Roc:
    """The operating points of scores [N] (higher is more alike) with labels [N] (positive: target).

    Raises InputError, beginning with `where`, for NaN, infinity or a missing class.
    """
    target, nontarget = sorted_classes(scores, labels, where)
    size = len(scores) + 1
    thresholds = np.empty(size)
    counts = np.int32 if size < 2**31 else np.int64
    misses, false_alarms = np.empty(size, counts), np.empty(size, counts)
    points = _merge(target, nontarget, thresholds, misses, false_alarms)
    return Roc(thresholds[:points], misses[:points], false_alarms[:points])


@njit
def _merge(
    target: np.ndarray, nontarget: np.ndarray, thresholds: np.ndarray, misses: np.ndarray, alarms: np.ndarray
) -> int:
    """Merges two sorted arrays, each closed by an infinity, into operating points; returns how many.

    Every score writes the counts after it, and tied ones overwrite each other: no branch depends on the data.
    """
    i, j, point, nontargets = 0, 0, -1, nontarget.size - 1
    misses[0], alarms[0] = 0, nontargets
    previous = -np.inf
    for _ in range(target.size + nontargets - 1):
        one, other = target[i], nontarget[j]
        first = one <= other
        value = one if first else other
        i += first
        j += not first
        point += value != previous
        previous = value
        thresholds[point], misses[point + 1], alarms[point + 1] = value, i, nontargets - j
    thresholds[point + 1] = np.nextafter(previous, np.inf)
    return point + 2


@njit
def hull_points(misses: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """Indices of the vertices of the ROC's convex hull (towards no errors), from accept-all to reject-all.

    Its segments are the blocks that isotonic regression (pool adjacent violators) of the labels would form.
    """
    stack = np.empty(misses.size, np.int64)
    size = 0
    for point in range(misses.size):
        while size >= 2:
            a, b = stack[size - 2], stack[size - 1]
            # Pop b unless it lies strictly below the chord from a to the new point.
            rise = (misses[b] - misses[a]) * (alarms[a] - alarms[point])
            if rise < (misses[point] - misses[a]) * (alarms[a] - alarms[b]):
                break
            size -= 1
        # Of points with equal false alarms and misses above (or the reverse), the better one is kept by the chord test.
        stack[size] = point
        size += 1
    return stack[:size].copy()


def target_losses(llrs: np.ndarray) -> np.ndarray:
    """The loss in bits of target trials with these LLRs, float64 [G]; that of non-targets is the one of `-llrs`."""
    return np.logaddexp(0, -llrs) / _LN2


@njit
def loss_sums(
    misses: np.ndarray,
    alarms: np.ndarray,
    target_loss: np.ndarray,
    nontarget_loss: np.ndarray,
    target: float = 0.0,
    nontarget: float = 0.0,
) -> tuple[float, float]:
    """Adds the losses of these points to `target` and `nontarget`; they are those of `target_losses` there."""
    for point in range(misses.size - 1):
        target += (misses[point + 1] - misses[point]) * target_loss[point]
        nontarget += (alarms[point] - alarms[point + 1]) * nontarget_loss[point]
    return target, nontarget


@njit
def first_with_alarms(alarms: np.ndarray, most: float) -> int:
    """The first point with at most so many false alarms."""
    low, high = 0, alarms.size - 1
    while low < high:
        middle = (low + high) // 2
        if alarms[middle] <= most:
            high = middle
        else:
            low = middle + 1
    return low
