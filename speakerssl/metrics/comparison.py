"""Is one system better than another? A paired test on the same trials with the same draws of speakers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.metrics.bootstrap import replicates
from speakerssl.metrics.roc import build_roc
from speakerssl.metrics.sorted_trials import sort_trials
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.speakers import TrialSpeakers


@dataclass(frozen=True)
class Difference:
    """A metric of two systems: `difference` = second - first, its percentile interval and two-sided p-value.

    The p-value is twice the smaller share of replicates on either side of no difference (ties count on both sides;
    one is added to numerator and denominator, so it is never 0).
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float


def compare(
    first: np.ndarray,
    second: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers,
    suite: MetricSuite | None = None,
    count: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Difference]:
    """Difference of every metric between two systems' scores [N] of the same trials.

    Both systems see the same draws of speakers, so what is hard about a speaker cancels. Raises InputError where the
    scores differ in number, are not finite, or have one class only.
    """
    if len(first) != len(second):
        raise InputError(f"the systems have {len(first)} and {len(second)} scores; compare them on the same trials")
    suite = suite or MetricSuite()
    rocs = [build_roc(scores, labels) for scores in (first, second)]
    systems = [sort_trials(scores, labels, speakers, roc=roc) for scores, roc in zip((first, second), rocs)]
    values = replicates(systems, len(speakers.names), suite, count, seed)
    estimates = [suite.evaluate(roc) for roc in rocs]
    out = {}
    for column, name in enumerate(suite.names):
        deltas = values[:, 1, column] - values[:, 0, column]
        deltas = deltas[np.isfinite(deltas)]
        if len(deltas) == 0:
            continue
        low, high = np.quantile(deltas, [(1 - level) / 2, (1 + level) / 2]).tolist()
        one, other = estimates[0][name], estimates[1][name]
        out[name] = Difference(one, other, other - one, low, high, p_value(deltas))
    return out


def p_value(deltas: np.ndarray) -> float:
    """Two-sided bootstrap p-value of no difference from replicates of the difference."""
    smaller = min(np.count_nonzero(deltas <= 0), np.count_nonzero(deltas >= 0))
    return float(min(1.0, 2 * (smaller + 1) / (len(deltas) + 1)))


def seed_means(
    systems: Mapping[str, Sequence[np.ndarray]],
    labels: np.ndarray,
    speakers: TrialSpeakers,
    metric: str = "eer",
    count: int = 1000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """A metric of several systems in the same draws of speakers, each the mean over its runs: float64 [count] each.

    `systems` holds the scores [N] of every run (training seed) of a system. Differences of two of the results are
    paired by draw: `p_value` says whether two training methods differ beyond the choice of speakers.
    """
    owners = [name for name, runs in systems.items() for _ in runs]
    ordered = [sort_trials(scores, labels, speakers, name) for name, runs in systems.items() for scores in runs]
    suite = MetricSuite(keys=(metric.partition("@")[0],))
    values = replicates(ordered, len(speakers.names), suite, count, seed)[:, :, suite.names.index(metric)]
    return {name: values[:, [owner == name for owner in owners]].mean(axis=1) for name in systems}
