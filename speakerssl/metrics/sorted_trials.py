"""The trials of one list in the order of their scores: what every bootstrap draw of it shares."""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit
from speakerssl.metrics.roc import build_roc, trial_losses
from speakerssl.trials.speakers import TrialSpeakers


@dataclass(frozen=True)
class SortedTrials:
    """Trials in the order of their scores, with all that a draw needs of them computed once.

    `thresholds` [G + 1] are those of the list's `Roc`; `enrol`, `test` [N] the speakers; `target` [N] the labels;
    `starts` [G + 1] the first trial at or above each threshold; `corners` [C] the indices into `thresholds` that a
    draw keeps, from the first to the last; `losses` [N] the loss in bits of each trial, its score taken as an LLR.
    """

    thresholds: np.ndarray
    enrol: np.ndarray
    test: np.ndarray
    target: np.ndarray
    starts: np.ndarray
    corners: np.ndarray
    losses: np.ndarray


def sort_trials(scores: np.ndarray, labels: np.ndarray, speakers: TrialSpeakers, where: str = "scores") -> SortedTrials:
    """Sorts once what every draw walks over. Raises InputError as `build_roc` does, or for a single speaker."""
    if len(speakers.names) < 2:
        raise InputError(f"{where}: a speaker bootstrap needs at least two speakers, the list has one")
    thresholds = build_roc(scores, labels, where).thresholds
    order = np.argsort(scores)
    target = (np.asarray(labels) > 0)[order]
    ranked = np.asarray(scores, np.float64)[order]
    starts = np.searchsorted(ranked, thresholds).astype(np.int32 if len(ranked) < 2**31 else np.int64)
    losses = trial_losses(ranked)
    corners = np.append(corner_points(starts, target), len(thresholds) - 1)
    return SortedTrials(
        thresholds,
        speakers.enrol[order],
        speakers.test[order],
        target,
        starts,
        corners,
        np.where(target, *losses),
    )


@njit
def corner_points(starts: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The points at which the class of the trials changes; a score that both classes share ends at a corner."""
    corners = np.empty(starts.size, np.int64)
    size, before = 0, -1
    for point in range(starts.size - 1):
        begin, end = starts[point], starts[point + 1]
        kind = int(target[begin])
        for trial in range(begin + 1, end):
            if int(target[trial]) != kind:
                kind = 2
        if kind != before or kind == 2:
            corners[size] = point
            size += 1
        before = kind
    return corners[:size].copy()
