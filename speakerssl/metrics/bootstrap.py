"""Confidence intervals that resample speakers, not trials.

Trials share speakers, so resampling trials would promise far too narrow intervals. Here S speakers are drawn with
replacement from the S of the list. A trial between two speakers counts (copies of one) x (copies of the other): both
of its sides are resampled (Owen, "The pigeonhole bootstrap", 2007). A trial within one speaker counts once for each
copy of that speaker: its copies are the same person, and squaring their number would triple the variance.
The scores are sorted once; a replicate is one weighted pass over them (`speakerssl.metrics.draws`) and keeps nothing
but its metrics.
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.io import progress
from speakerssl.kernels import run_all, thread_count
from speakerssl.metrics.draws import counts_room, draws, lanes_of
from speakerssl.metrics.sorted_trials import SortedTrials, sort_trials
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.speakers import TrialSpeakers


@dataclass(frozen=True)
class Interval:
    """A percentile interval of a metric over the replicates, and the standard deviation of these."""

    low: float
    high: float
    level: float
    deviation: float


def replicates(systems: list[SortedTrials], speakers: int, suite: MetricSuite, count: int, seed: int = 0) -> np.ndarray:
    """Metrics [count, systems, len(suite.names)] of `count` draws of speakers, the same draws for all systems.

    Replicate r depends on (seed, r) alone, whatever the number of threads; memory does not grow with `count` but for
    the result. A draw without targets or without non-targets gives NaN.
    """
    out = np.full((count, len(systems), len(suite.names)), np.nan)
    width = lanes_of(systems)
    blocks = range(0, count, width)
    threads = max(1, min(thread_count(), len(blocks)))

    def work(first: int) -> None:
        mine, room = blocks[first::threads], counts_room(systems)
        for begin in progress(mine, len(mine), "resampling speakers", quiet=first > 0 or count < 100):
            copies = speaker_copies(speakers, range(begin, min(begin + width, count)), seed)
            for number, system in enumerate(systems):
                for lane, draw in enumerate(draws(system, copies, room)):
                    if draw is not None:
                        out[begin + lane, number] = suite.values(draw)

    run_all([lambda first=first: work(first) for first in range(threads)])  # type: ignore[misc]
    return out


def speaker_copies(speakers: int, numbers: range, seed: int) -> np.ndarray:
    """How often each speaker is drawn in the replicates `numbers`, uint8 [speakers, len(numbers)]."""
    copies = np.empty((speakers, len(numbers)), np.uint8)
    for lane, number in enumerate(numbers):
        drawn = np.random.default_rng([seed, number]).integers(0, speakers, speakers)
        # More than 255 copies of one of hundreds of speakers will not be seen by anybody.
        copies[:, lane] = np.minimum(np.bincount(drawn, minlength=speakers), 255)
    return copies


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
