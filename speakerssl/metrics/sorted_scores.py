"""Scores sorted by class, and EER and minimum detection cost straight from them.

Ten million scores take little longer than sorting them.
No curve is stored; the numbers are those of `detection.eer` and `detection.min_dcf` to the last bit.
"""

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit, run_all


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


@njit
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


@njit
def sorted_eer(target: np.ndarray, nontarget: np.ndarray) -> float:
    """EER of ascending scores, by bisection: p_miss - p_fa rises with the threshold."""
    crossing = min(_first_above(target, target, nontarget), _first_above(nontarget, target, nontarget))
    # Beyond the highest score everything is rejected.
    misses, alarms = np.searchsorted(target, crossing), nontarget.size - np.searchsorted(nontarget, crossing)
    before = -np.inf
    if misses > 0:
        before = target[misses - 1]
    if alarms < nontarget.size:
        before = max(before, nontarget[nontarget.size - alarms - 1])
    last_misses = np.searchsorted(target, before)
    last_alarms = nontarget.size - np.searchsorted(nontarget, before)
    above = misses / target.size - alarms / nontarget.size
    below = last_alarms / nontarget.size - last_misses / target.size
    start = last_misses / target.size
    return start + below / (above + below) * (misses / target.size - start)


@njit
def _first_above(candidates: np.ndarray, target: np.ndarray, nontarget: np.ndarray) -> float:
    """The lowest of the ascending candidates at which p_miss >= p_fa; infinity where there is none."""
    low, high = 0, candidates.size
    while low < high:
        middle = (low + high) // 2
        misses = np.searchsorted(target, candidates[middle])
        alarms = nontarget.size - np.searchsorted(nontarget, candidates[middle])
        if misses / target.size >= alarms / nontarget.size:
            high = middle
        else:
            low = middle + 1
    return candidates[low] if low < candidates.size else np.inf


@njit
def sorted_min_dcf(target: np.ndarray, nontarget: np.ndarray, miss: float, alarm: float) -> float:
    """Least cost of ascending scores; `miss` and `alarm` weigh the two probabilities.

    The best threshold is a target's score (or above all). They are tried from the highest down until the false alarms
    alone cost more than the best; of tied ones the last tried has the fewest misses.
    """
    miss, alarm = miss / target.size, alarm / nontarget.size
    best, below = miss * target.size, nontarget.size
    for misses in range(target.size - 1, -1, -1):
        while below > 0 and nontarget[below - 1] >= target[misses]:
            below -= 1
        alarms = alarm * (nontarget.size - below)
        if alarms >= best:
            break
        best = min(best, miss * misses + alarms)
    return best
