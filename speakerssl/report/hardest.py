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
    targets, nontargets = np.flatnonzero(is_target), np.flatnonzero(~is_target)
    low, high = targets[_least(values[targets], count)], nontargets[_least(-values[nontargets], count)]
    target_scores, nontarget_scores = values[targets], values[nontargets]
    return (
        [HardTrial(int(i), float(values[i]), _share(nontarget_scores >= values[i])) for i in low],
        [HardTrial(int(i), float(values[i]), _share(target_scores <= values[i])) for i in high],
    )


def _share(beyond: np.ndarray) -> float:
    return float(np.mean(beyond)) if len(beyond) else 0.0


def _least(values: np.ndarray, count: int) -> np.ndarray:
    """Positions of the `count` least values, in order; of equal ones, the earlier."""
    if count <= 0 or not len(values):
        return np.zeros(0, dtype=np.int64)
    bound = np.partition(values, min(count, len(values)) - 1)[min(count, len(values)) - 1]
    candidates = np.flatnonzero(values <= bound)
    if len(candidates) > 4 * count:  # a mass of ties at the bound: keep the first of them
        below, equal = candidates[values[candidates] < bound], candidates[values[candidates] == bound]
        candidates = np.concatenate([below, equal[:count]])
    return candidates[np.argsort(values[candidates], kind="stable")][:count]
