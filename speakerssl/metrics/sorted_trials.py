"""The trials of one list in the order of their scores: what every bootstrap draw of it shares."""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit
from speakerssl.metrics.roc import Roc, build_roc, target_losses
from speakerssl.trials.speakers import TrialSpeakers

_BLOCK = 1 << 20  # trials whose losses are computed at once


@dataclass(frozen=True)
class PairLosses:
    """`total` [P]: the loss in bits, scores taken as LLRs, of all trials of a class between `enrol` and `test` [P]."""

    enrol: np.ndarray
    test: np.ndarray
    total: np.ndarray


@dataclass(frozen=True)
class SortedTrials:
    """Trials in the order of their scores, with all that a draw needs of them computed once.

    `thresholds` [G + 1] are those of the list's `Roc`; `enrol`, `test` [N] the speakers, `test` being S, one more than
    there are, in a trial within one speaker; `target` [N] the labels; `starts` [G + 1] the first trial at or above each
    threshold; `corners` [C] the indices into `thresholds` that a draw keeps, from the first to the last; `losses` those
    of the targets and of the non-targets.
    """

    thresholds: np.ndarray
    enrol: np.ndarray
    test: np.ndarray
    target: np.ndarray
    starts: np.ndarray
    corners: np.ndarray
    losses: tuple[PairLosses, PairLosses]


def sort_trials(
    scores: np.ndarray, labels: np.ndarray, speakers: TrialSpeakers, where: str = "scores", roc: Roc | None = None
) -> SortedTrials:
    """Sorts once what every draw walks over; `roc` is that of the same scores where it is already known.

    Raises InputError as `build_roc` does, or for a single speaker.
    """
    if len(speakers.names) < 2:
        raise InputError(f"{where}: a speaker bootstrap needs at least two speakers, the list has one")
    roc = roc or build_roc(scores, labels, where)
    thresholds = roc.thresholds
    order = np.argsort(scores)
    target = (np.asarray(labels) > 0)[order]
    enrol, test = speakers.enrol[order], speakers.test[order]
    ranked = np.asarray(scores, np.float64)[order]
    del order
    starts = roc.misses + (roc.nontargets - roc.false_alarms)  # the trials below each threshold
    corners = np.append(corner_points(starts, target), len(thresholds) - 1)
    count = len(speakers.names)
    test[enrol == test] = count
    losses = _pair_losses(enrol, test, ranked, target, count), _pair_losses(enrol, test, -ranked, ~target, count)
    return SortedTrials(thresholds, enrol, test, target, starts, corners, losses)


def _pair_losses(
    enrol: np.ndarray, test: np.ndarray, llrs: np.ndarray, chosen: np.ndarray, speakers: int
) -> PairLosses:
    """The losses of the trials `chosen`, bool [N], with LLRs [N], summed over those of each pair of speakers."""
    width = speakers + 1
    sums: np.ndarray
    pairs: np.ndarray
    if width * width > max(4 * len(llrs), 1 << 20):  # more places than there may be pairs
        codes = enrol[chosen].astype(np.int64) * width + test[chosen]
        pairs, place = np.unique(codes, return_inverse=True)
        sums = np.bincount(place, target_losses(llrs[chosen]), len(pairs))
        return PairLosses((pairs // width).astype(np.int32), (pairs % width).astype(np.int32), sums)
    sums, seen = np.zeros(width * width), np.zeros(width * width, np.bool_)
    for begin in range(0, len(llrs), _BLOCK):  # a list of twenty million would take half a gigabyte at once
        part = slice(begin, begin + _BLOCK)
        mine = chosen[part]
        codes = enrol[part][mine].astype(np.int64) * width + test[part][mine]
        _add_losses(codes, target_losses(llrs[part][mine]), sums, seen)
    pairs = np.flatnonzero(seen)
    return PairLosses((pairs // width).astype(np.int32), (pairs % width).astype(np.int32), sums[pairs])


@njit
def _add_losses(codes: np.ndarray, losses: np.ndarray, sums: np.ndarray, seen: np.ndarray) -> None:
    for row in range(codes.size):
        sums[codes[row]] += losses[row]
        seen[codes[row]] = True


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
