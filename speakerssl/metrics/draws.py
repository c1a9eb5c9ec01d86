"""Bootstrap draws of speakers: the operating points of many weighted copies of one list in a single pass.

A trial between two speakers counts (copies of one) x (copies of the other) times, a trial within one speaker once for
each of its copies. Sorted by score, most trials stand in long runs of one class, and along a run the ROC is straight,
so a draw keeps its counts at the ends of runs only ("corners"): a few per cent of the trials in a usual list, with the
metrics unchanged to the last bit. What needs a point within a run counts that run again. Trials are visited once for
`LANES` draws, whose counts fit one vector register. The losses behind Cllr do not depend on the order of the scores:
they are summed over each pair of speakers once for the list, and a draw weighs those sums.
"""

from collections.abc import Iterator

import numpy as np

from speakerssl.kernels import njit
from speakerssl.metrics.lanes import LANES, add_losses, add_products
from speakerssl.metrics.roc import Roc
from speakerssl.metrics.sorted_trials import SortedTrials

COUNTS = 4_000_000  # counts that a block of draws holds at most, 16 bytes each


class Draw(Roc):
    """One draw's operating points at the corners of its list; points within a run are counted when asked for."""

    def __init__(
        self,
        trials: SortedTrials,
        copies: np.ndarray,
        misses: np.ndarray,
        false_alarms: np.ndarray,
        log_losses: tuple[float, float],
    ) -> None:
        super().__init__(trials.thresholds, misses, false_alarms)
        # A frozen dataclass lets its attributes be set through its __dict__, as its cached properties are.
        self.__dict__.update(trials=trials, copies=copies, log_losses=log_losses)

    trials: SortedTrials
    copies: np.ndarray

    def counts_at(self, threshold: float) -> tuple[int, int]:
        """(misses, false alarms) where scores at or above `threshold` are accepted."""
        corners = self.trials.corners
        point = min(int(np.searchsorted(self.thresholds, threshold, side="left")), len(self.thresholds) - 1)
        corner = int(np.searchsorted(corners, point))
        if corners[corner] == point:
            return int(self.misses[corner]), int(self.false_alarms[corner])
        misses, alarms = self.points_up_to(corner)
        inner = point - int(corners[corner - 1])
        return int(misses[inner]), int(alarms[inner])

    def points_up_to(self, point: int) -> tuple[np.ndarray, np.ndarray]:
        """(misses, false alarms) of all operating points from the corner before `point` to the corner `point`."""
        if point == 0:
            return self.misses[:1], self.false_alarms[:1]
        first, last = self.trials.corners[point - 1], self.trials.corners[point]
        counts = np.empty((2, last - first + 1), np.int64)
        counts[:, 0] = self.misses[point - 1], self.false_alarms[point - 1]
        of = self.trials
        _points_of_run(self.copies, of.enrol, of.test, of.target, of.starts[first : last + 1], counts)
        return counts[0], counts[1]


def draws(trials: SortedTrials, copies: np.ndarray, room: np.ndarray | None = None) -> Iterator[Draw | None]:
    """The draws in which speaker s has `copies[s, r]` copies, uint8 [S, R], R <= LANES; None where a class lacks.

    With `room` (of `counts_room`) no memory is asked for again, but a draw is only good until the next pass.
    """
    width = copies.shape[1]
    rows = np.zeros((len(copies) + 1, LANES), np.uint8)
    rows[:-1, :width] = copies
    rows[-1] = 1  # what stands for the other side of a trial within one speaker
    counts = np.empty((LANES, 2, len(trials.corners)), np.int64) if room is None else room[:, :, : len(trials.corners)]
    sums = np.zeros((2, LANES))
    of, flat = trials, rows.reshape(-1)
    _weigh(flat, of.enrol, of.test, of.target, of.starts[of.corners], counts)
    for kind in range(2):
        losses = of.losses[kind]
        add_losses(flat, losses.enrol, losses.test, losses.total, sums[kind])
    for lane, (misses, alarms) in enumerate(counts[:width]):
        if misses[-1] == 0 or alarms[0] == 0:
            yield None
            continue
        log_losses = float(sums[0, lane]), float(sums[1, lane])
        yield Draw(trials, np.ascontiguousarray(rows[:, lane]), misses, alarms, log_losses)


def counts_room(systems: list[SortedTrials]) -> np.ndarray:
    """Room for the counts of one pass over any of the systems, int64 [LANES, 2, C]."""
    return np.empty((LANES, 2, max(len(system.corners) for system in systems)), np.int64)


def lanes_of(systems: list[SortedTrials]) -> int:
    """How many draws a pass should make, so that their counts take little memory."""
    return max(1, min(LANES, COUNTS // max(len(system.corners) for system in systems)))


@njit
def _weigh(
    copies: np.ndarray, enrol: np.ndarray, test: np.ndarray, target: np.ndarray, edges: np.ndarray, counts: np.ndarray
) -> None:
    """Rejected targets and accepted non-targets at each corner (`counts` [LANES, 2, C]).

    `edges` [C] are the trials at which the corners stand.
    """
    own, sums = np.zeros((2, LANES), np.int64), np.empty((2, LANES), np.int32)
    counts[:, :, 0] = 0
    for corner in range(1, edges.size):
        begin, end = edges[corner - 1], edges[corner]
        while begin < end:  # all are of one class, unless a score is shared by both
            stop = begin + 1
            while stop < end and target[stop] == target[begin]:
                stop += 1
            add_products(copies, enrol, test, begin, stop, sums, own[0 if target[begin] else 1])
            begin = stop
        for lane in range(LANES):
            counts[lane, 0, corner], counts[lane, 1, corner] = own[0, lane], own[1, lane]
    for lane in range(LANES):
        for corner in range(edges.size):
            counts[lane, 1, corner] = own[1, lane] - counts[lane, 1, corner]


@njit
def _points_of_run(
    copies: np.ndarray,
    enrol: np.ndarray,
    test: np.ndarray,
    target: np.ndarray,
    starts: np.ndarray,
    counts: np.ndarray,
) -> None:
    """The counts [2, P] of the points that begin at the trials `starts` [P], from those of the first on."""
    for point in range(1, starts.size):
        misses, alarms = counts[0, point - 1], counts[1, point - 1]
        for trial in range(starts[point - 1], starts[point]):
            weight = np.int64(copies[enrol[trial]]) * np.int64(copies[test[trial]])
            if target[trial]:
                misses += weight
            else:
                alarms -= weight
        counts[0, point], counts[1, point] = misses, alarms
