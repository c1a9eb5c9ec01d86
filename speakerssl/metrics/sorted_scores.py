"""EER and minimum detection cost straight from the sorted scores: ten million take little longer than sorting them.

No curve is stored; the numbers are those of `detection.eer` and `detection.min_dcf` to the last bit.
"""

import numpy as np

from speakerssl.kernels import njit


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
