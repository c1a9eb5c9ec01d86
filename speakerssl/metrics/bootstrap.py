"""Confidence intervals that resample speakers, not trials.

Trials share speakers, so resampling trials would promise far too narrow intervals. Here S speakers are drawn with
replacement from the S of the list. A trial between two speakers counts (copies of one) x (copies of the other): both
of its sides are resampled (Owen, "The pigeonhole bootstrap", 2007). A trial within one speaker counts once for each
copy of that speaker: its copies are the same person, and squaring their number would triple the variance.
The scores are sorted once; a replicate is one weighted pass over them and keeps nothing but its metrics.
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import progress
from speakerssl.kernels import njit, run_all, thread_count
from speakerssl.metrics.roc import build_roc
from speakerssl.metrics.suite import MetricSuite, suite_kernel
from speakerssl.trials.speakers import TrialSpeakers


@dataclass(frozen=True)
class Interval:
    """A percentile interval of a metric over the replicates, and the standard deviation of these."""

    low: float
    high: float
    level: float
    deviation: float


@dataclass(frozen=True)
class SortedTrials:
    """Trials in the order of their scores: speakers of both sides, label, and whether the next score is another."""

    thresholds: np.ndarray
    enrol: np.ndarray
    test: np.ndarray
    target: np.ndarray
    closes: np.ndarray


def sort_trials(scores: np.ndarray, labels: np.ndarray, speakers: TrialSpeakers, where: str = "scores") -> SortedTrials:
    """Sorts once what every replicate walks over. Raises InputError as `build_roc` does, or for a single speaker."""
    if len(speakers.names) < 2:
        raise InputError(f"{where}: a speaker bootstrap needs at least two speakers, the list has one")
    roc = build_roc(scores, labels, where)
    order = np.argsort(scores)
    ranked = np.asarray(scores, np.float64)[order]
    closes = np.concatenate([ranked[1:] != ranked[:-1], [True]])
    return SortedTrials(
        roc.thresholds, speakers.enrol[order], speakers.test[order], np.asarray(labels)[order] > 0, closes
    )


def replicates(systems: list[SortedTrials], speakers: int, suite: MetricSuite, count: int, seed: int = 0) -> np.ndarray:
    """Metrics [count, systems, len(suite.names)] of `count` draws of speakers, the same draws for all systems.

    Replicate r depends on (seed, r) alone, whatever the number of threads; memory does not grow with `count` but for
    the result. A draw without targets or without non-targets gives NaN.
    """
    out = np.full((count, len(systems), len(suite.names)), np.nan)
    prepared = [suite.prepare(system.thresholds) for system in systems]

    def work(first: int, step: int) -> None:
        buffers = [np.empty((2, len(system.thresholds)), np.int64) for system in systems]
        numbers = range(first, count, step)
        for replicate in progress(numbers, len(numbers), "resampling speakers", quiet=first > 0 or count < 100):
            drawn = np.random.default_rng([seed, replicate]).integers(0, speakers, speakers)
            copies = np.bincount(drawn, minlength=speakers)
            for number, (system, ready, (misses, alarms)) in enumerate(zip(systems, prepared, buffers)):
                _weigh(copies, system.enrol, system.test, system.target, system.closes, misses, alarms)
                if misses[-1] > 0 and alarms[0] > 0:
                    suite_kernel(misses, alarms, *ready, suite.quick, out[replicate, number])

    threads = min(thread_count(), count)
    run_all([lambda first=first: work(first, threads) for first in range(threads)])  # type: ignore[misc]
    return out


def intervals(values: np.ndarray, names: list[str], level: float = 0.95) -> dict[str, Interval]:
    """Percentile interval of each column of `values` [replicates, len(names)]; NaN replicates are left out."""
    out = {}
    for column, name in enumerate(names):
        kept = values[np.isfinite(values[:, column]), column]
        if len(kept) == 0:
            continue
        low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2]).tolist()
        out[name] = Interval(low, high, level, float(kept.std()))
    return out


def speaker_bootstrap(
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers,
    suite: MetricSuite | None = None,
    count: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """The percentile interval of every metric of `suite` (all of them by default) from `count` draws of speakers."""
    suite = suite or MetricSuite()
    system = sort_trials(scores, labels, speakers)
    values = replicates([system], len(speakers.names), suite, count, seed)
    return intervals(values[:, 0], suite.names, level)


@njit(cache=True, nogil=True)
def _weigh(
    copies: np.ndarray,
    enrol: np.ndarray,
    test: np.ndarray,
    target: np.ndarray,
    closes: np.ndarray,
    misses: np.ndarray,
    alarms: np.ndarray,
) -> None:
    """The operating points of a draw in which speaker s has `copies[s]` copies."""
    point, missed, rejected = 1, 0, 0
    misses[0], alarms[0] = 0, 0
    for trial in range(enrol.size):
        one, other = enrol[trial], test[trial]
        weight = copies[one] if one == other else copies[one] * copies[other]
        if target[trial]:
            missed += weight
        else:
            rejected += weight
        if closes[trial]:
            misses[point], alarms[point] = missed, -rejected
            point += 1
    for i in range(alarms.size):
        alarms[i] += rejected
