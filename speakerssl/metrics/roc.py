"""The operating points of a set of scores, from one sorted pass with ties grouped.

A trial is accepted where its score is at or above the threshold. There is one operating point a distinct score and
one above them all, so neither the order of the trials nor that of tied scores can change a number.
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit, run_all


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


def split(scores: np.ndarray, labels: np.ndarray, where: str = "scores") -> tuple[np.ndarray, np.ndarray]:
    """Copies of target and non-target scores, an infinity after each. Raises InputError for a missing class."""
    scores = np.ascontiguousarray(scores, np.float64)
    chosen = np.ascontiguousarray(np.asarray(labels) > 0)
    if scores.shape != chosen.shape or scores.ndim != 1:
        raise InputError(f"{where}: {scores.size} scores and {chosen.size} labels")
    targets = int(np.count_nonzero(chosen))
    if targets in (0, len(scores)):
        kind = "target" if targets == 0 else "non-target"
        raise InputError(f"{where}: there are no {kind} trials; metrics need both classes")
    # One slot more than needed in each: the loop writes first and decides afterwards.
    target, nontarget = np.empty(targets + 1), np.empty(len(scores) - targets + 1)
    _partition(scores, chosen, target, nontarget)
    target[-1] = nontarget[-1] = np.inf
    return target, nontarget


@njit(cache=True, nogil=True)
def _partition(scores: np.ndarray, chosen: np.ndarray, target: np.ndarray, nontarget: np.ndarray) -> None:
    """Splits without a branch, which random labels would mispredict half the time."""
    hits = 0
    for row in range(scores.size):
        target[hits] = scores[row]
        nontarget[row - hits] = scores[row]
        hits += chosen[row]


def sorted_classes(scores: np.ndarray, labels: np.ndarray, where: str = "scores") -> tuple[np.ndarray, np.ndarray]:
    """Target and non-target scores, ascending with an infinity after the last. Raises InputError as `build_roc`."""
    target, nontarget = split(scores, labels, where)
    run_all([target[:-1].sort, nontarget[:-1].sort])
    # Sorted, any NaN stands last and infinities at the ends.
    if not np.isfinite([target[0], target[-2], nontarget[0], nontarget[-2]]).all():
        bad = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise InputError(f"{where}: score {bad + 1} is {scores[bad]}; scores must be finite")
    return target, nontarget


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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
