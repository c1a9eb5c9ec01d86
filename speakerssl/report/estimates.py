"""Metrics of all systems with intervals and paired differences, from the same draws of speakers for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from speakerssl.metrics.bootstrap import Interval, intervals, replicates
from speakerssl.metrics.comparison import Difference, p_value
from speakerssl.metrics.consistency import has_both_kinds, threshold_consistency
from speakerssl.metrics.sorted_trials import sort_trials
from speakerssl.metrics.specs import OTHER_DEFINITIONS
from speakerssl.metrics.suite import MetricSuite
from speakerssl.report.systems import Systems
from speakerssl.trials.speakers import TrialSpeakers

LEVEL = 0.95


@dataclass(frozen=True)
class Metric:
    """A row of the table: `key` in the estimates, its name and definition, and how it is shown."""

    key: str
    name: str
    definition: str
    percent: bool = False
    higher_is_better: bool = False


@dataclass(frozen=True)
class Estimates:
    """Each system's values, intervals, and paired differences from the first system, by the key of the metric."""

    metrics: Sequence[Metric]
    values: list[dict[str, float]]
    intervals: list[dict[str, Interval]] = field(default_factory=list)
    differences: list[dict[str, Difference]] = field(default_factory=list)
    speakers: int = 0
    count: int = 0
    seed: int = 0


def estimate(
    systems: Systems,
    p_targets: Sequence[float],
    speakers: TrialSpeakers | None = None,
    count: int = 1000,
    seed: int = 0,
) -> Estimates:
    """The metrics of every system; with `speakers` and a `count` of draws, intervals and paired differences as well.

    Raises InputError for a list of one speaker when `count` is not 0.
    """
    suite = MetricSuite(p_targets=tuple(p_targets))
    values = [suite.evaluate(system.roc) for system in systems.systems]
    metrics = list(_metrics(suite))
    if speakers is None:
        return Estimates(metrics, values)
    if _has_consistency(systems.labels, speakers):
        metrics.append(Metric("opis", "OPIS", OTHER_DEFINITIONS["opis"]))
        metrics.append(Metric("worst_opis", "OPIS of the worst tenth (worst_opis)", OTHER_DEFINITIONS["opis"]))
        for own, system in zip(values, systems.systems):
            found = threshold_consistency(system.roc, system.scores, systems.labels, speakers)
            own.update(opis=found.opis, worst_opis=found.worst_opis)
    if not count:
        return Estimates(metrics, values, speakers=len(speakers.names))
    ordered = [sort_trials(s.scores, systems.labels, speakers, s.path, s.roc) for s in systems.systems]
    draws = replicates(ordered, len(speakers.names), suite, count, seed)
    around = [intervals(draws[:, k], suite.names, LEVEL) for k in range(len(ordered))]
    differences = [_differences(draws, k, values, suite.names) for k in range(len(ordered))]
    return Estimates(metrics, values, around, differences, len(speakers.names), count, seed)


def _metrics(suite: MetricSuite) -> list[Metric]:
    return [
        Metric(member.name, member.label, member.definition, member.metric.unit in ("%", "share"),
               member.metric.higher_is_better)
        for member in suite.members
    ]  # fmt: skip


def _differences(
    draws: np.ndarray, system: int, values: list[dict[str, float]], names: list[str]
) -> dict[str, Difference]:
    """System minus the first one; empty for the first itself."""
    found = intervals(draws[:, system] - draws[:, 0], names, LEVEL) if system else {}
    out = {}
    for column, name in enumerate(names):
        if name not in found:
            continue
        deltas = draws[:, system, column] - draws[:, 0, column]
        first, second = values[0][name], values[system][name]
        p = p_value(deltas[np.isfinite(deltas)])
        out[name] = Difference(first, second, second - first, found[name].low, found[name].high, p)
    return out


def _has_consistency(labels: np.ndarray, speakers: TrialSpeakers) -> bool:
    """Whether some speaker has both target trials and non-target trials with another speaker."""
    return has_both_kinds(labels > 0, speakers, within=False)
