"""Does one threshold serve all speakers alike? The operating-point inconsistency score (OPIS).

Zhang et al., "Threshold-consistent margin loss for open-world deep metric learning", ICLR 2024. A speaker's utility
at threshold d is U_i(d) = 2 sens spec / (sens + spec): the harmonic mean of the share of its target trials accepted
and the share of its non-target trials rejected. A non-target trial counts for both of its speakers.
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.metrics.detection import at_false_alarm
from speakerssl.metrics.roc import Roc
from speakerssl.trials.speakers import TrialSpeakers

_BLOCK = 1 << 21  # trials that are worked on at once


@dataclass(frozen=True)
class Consistency:
    """`opis`: mean squared deviation of the speakers' utility from their mean, over speakers and thresholds.

    `worst_opis`: the same over the `epsilon` fraction of speakers that deviate most; `worst` names them, the most
    deviating first. `thresholds` [K], `utility` [S, K] and `names` [S] are of the speakers with both kinds of trial;
    `left_out` counts the others.
    """

    opis: float
    worst_opis: float
    epsilon: float
    worst: list[str]
    names: list[str]
    thresholds: np.ndarray
    utility: np.ndarray
    left_out: int


def has_both_kinds(target: np.ndarray, speakers: TrialSpeakers, within: bool = True) -> bool:
    """Whether some speaker has a target trial and a non-target one; `within`: one with itself counts too."""
    other = ~target if within else ~target & (speakers.enrol != speakers.test)
    seen = np.zeros((2, len(speakers.names)), bool)
    seen[0, speakers.enrol[target]] = True
    for side in (speakers.enrol, speakers.test):
        seen[1, side[other]] = True
    return bool(seen.all(axis=0).any())


def threshold_consistency(
    roc: Roc,
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers,
    false_alarms: tuple[float, float] = (1e-2, 1e-1),
    steps: int = 101,
    epsilon: float = 0.1,
) -> Consistency:
    """OPIS on `steps` evenly spaced thresholds between those that reach the two global false-alarm rates.

    Raises InputError where no speaker has both target and non-target trials.
    """
    high, low = (at_false_alarm(roc, limit).threshold for limit in false_alarms)
    thresholds = np.linspace(low, high, steps)
    target = np.asarray(labels) > 0
    sensitivity, hits = _accepted_share(scores, target, [speakers.enrol], len(speakers.names), thresholds)
    different = ~target & (speakers.enrol != speakers.test)
    sides = [speakers.enrol, speakers.test]
    accepted, trials = _accepted_share(scores, different, sides, len(speakers.names), thresholds)
    both = (hits > 0) & (trials > 0)
    if not both.any():
        raise InputError("threshold consistency: no speaker has both target and non-target trials")
    utility = _harmonic(sensitivity[both], 1 - accepted[both])
    deviation = ((utility - utility.mean(axis=0)) ** 2).mean(axis=1)
    ranked = np.argsort(-deviation, kind="stable")[: max(1, round(epsilon * len(deviation)))]
    names = [name for name, kept in zip(speakers.names, both.tolist()) if kept]
    return Consistency(
        opis=float(deviation.mean()),
        worst_opis=float(deviation[ranked].mean()),
        epsilon=epsilon,
        worst=[names[i] for i in ranked.tolist()],
        names=names,
        thresholds=thresholds,
        utility=utility,
        left_out=int(np.count_nonzero(~both)),
    )


def _accepted_share(
    scores: np.ndarray, chosen: np.ndarray, sides: list[np.ndarray], speakers: int, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of the `chosen` trials: the share of each speaker's at or above each threshold [S, K], and their number [S]."""
    bins = len(thresholds) + 1
    counts = np.zeros(speakers * bins, np.int64)
    for begin in range(0, len(scores), _BLOCK):
        part = slice(begin, begin + _BLOCK)
        reached = np.searchsorted(thresholds, scores[part][chosen[part]], side="right")
        for side in sides:
            codes = side[part][chosen[part]].astype(np.int64) * bins + reached
            counts += np.bincount(codes, minlength=len(counts))
    table = counts.reshape(-1, bins)
    at_or_above = table[:, ::-1].cumsum(axis=1)[:, ::-1]
    return at_or_above[:, 1:] / np.maximum(at_or_above[:, :1], 1), at_or_above[:, 0]


def _harmonic(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    total = one + other
    return np.where(total > 0, 2 * one * other / np.where(total > 0, total, 1), 0.0)
