"""The trials that a system gets most wrong: its lowest-scored targets and highest-scored non-targets."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HardTrial:
    """A trial (index into the list), its score, and the share of the other class beyond it.

    `beyond` of a target is the share of non-targets that score at least as high; of a non-target, the share of
    targets that score at most as high.
    """

    index: int
    score: float
    beyond: float


def hardest_trials(scores: np.ndarray, labels: np.ndarray, count: int) -> tuple[list[HardTrial], list[HardTrial]]:
    """(targets, non-targets), hardest first, at most `count` of each.

    Ties are broken by the position in the list. Work is O(T): a partition, not a sort of all trials.

    Args:
        scores: float [T].
        labels: bool or int [T]; nonzero is a target trial.
    """
    is_target = np.asarray(labels) > 0
    values = np.asarray(scores, dtype=np.float64)
    return _hardest(values, is_target, count, 1.0), _hardest(values, ~is_target, count, -1.0)


def _hardest(values: np.ndarray, mine: np.ndarray, count: int, sign: float) -> list[HardTrial]:
    """The trials of the class `mine`, bool [T], whose `sign` times score is least; no array of all their places."""
    least = _least(values, mine, count, sign)
    others = np.count_nonzero(~mine)
    found = []
    for index in least.tolist():
        beyond = values >= values[index] if sign > 0 else values <= values[index]
        beyond &= ~mine
        found.append(HardTrial(index, float(values[index]), np.count_nonzero(beyond) / others if others else 0.0))
    return found


def _least(values: np.ndarray, mine: np.ndarray, count: int, sign: float) -> np.ndarray:
    """Places of the `count` least of `sign` times the values of a class, in order; of equal ones, the earlier."""
    own = values[mine]
    own *= sign
    if count <= 0 or not len(own):
        return np.zeros(0, dtype=np.int64)
    last = min(count, len(own)) - 1
    own.partition(last)
    bound = sign * own[last]
    del own
    candidates = np.flatnonzero(mine & (values <= bound if sign > 0 else values >= bound))
    if len(candidates) > 4 * count:  # a mass of ties at the bound: keep the first of them
        equal = values[candidates] == bound
        candidates = np.concatenate([candidates[~equal], candidates[equal][:count]])
    return candidates[np.argsort(sign * values[candidates], kind="stable")][:count]
