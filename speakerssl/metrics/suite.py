"""Which metrics at which priors and false-alarm limits: the same code for a point estimate and for each replicate."""

from dataclasses import dataclass
from functools import cached_property

from speakerssl.metrics import specs
from speakerssl.metrics.roc import Roc
from speakerssl.metrics.specs import FALSE_ALARM, PRIOR, Metric, Setting


@dataclass(frozen=True)
class SuiteMetric:
    """A metric at one setting."""

    metric: Metric
    setting: Setting

    @property
    def parameter(self) -> float | None:
        """The prior or false-alarm limit that it depends on; None where it depends on neither."""
        if self.metric.depends_on == PRIOR:
            return self.setting.p_target
        return self.setting.false_alarm if self.metric.depends_on == FALSE_ALARM else None

    @property
    def name(self) -> str:
        """Its name in JSON, such as `eer`, `min_dcf@0.01` or `precision@0.001`."""
        return self.metric.key if self.parameter is None else f"{self.metric.key}@{self.parameter:g}"

    @property
    def label(self) -> str:
        """Its name for people, such as `minDCF (p=0.01)`."""
        if self.metric.depends_on == PRIOR:
            return f"{self.metric.label} (p={self.setting.p_target:g})"
        if self.metric.depends_on == FALSE_ALARM:
            return f"{self.metric.label} at {100 * self.setting.false_alarm:g} % false alarms"
        return self.metric.label

    @property
    def definition(self) -> str:
        """What it is; those at a false-alarm limit share one text."""
        shared = self.metric.depends_on == FALSE_ALARM
        return specs.definitions()["fixed_false_alarm"] if shared else self.metric.definition


@dataclass(frozen=True)
class MetricSuite:
    """The metrics of `specs.METRICS` (or those called `keys`): detection costs at `p_targets`, and so on.

    Values stand in the order of `names`: metrics without a parameter, then those of each prior, then those of each
    false-alarm limit.
    """

    p_targets: tuple[float, ...] = (0.01, 0.05)
    c_miss: float = 1.0
    c_fa: float = 1.0
    false_alarms: tuple[float, ...] = (0.001, 0.01)
    keys: tuple[str, ...] | None = None

    @cached_property
    def members(self) -> tuple[SuiteMetric, ...]:
        """Each metric at each of its settings."""
        plain = [SuiteMetric(metric, Setting(c_miss=self.c_miss, c_fa=self.c_fa)) for metric in specs.of_kind("")]
        costs = [
            SuiteMetric(metric, Setting(p, self.c_miss, self.c_fa))
            for p in self.p_targets
            for metric in specs.of_kind(PRIOR)
        ]
        fixed = [
            SuiteMetric(metric, Setting(c_miss=self.c_miss, c_fa=self.c_fa, false_alarm=limit))
            for limit in self.false_alarms
            for metric in specs.of_kind(FALSE_ALARM)
        ]
        return tuple(one for one in [*plain, *costs, *fixed] if self.keys is None or one.metric.key in self.keys)

    @property
    def names(self) -> list[str]:
        """The name of each value."""
        return [member.name for member in self.members]

    def values(self, roc: Roc) -> list[float]:
        """The value of each metric, in the order of `names`."""
        return [float(member.metric.value(roc, member.setting)) for member in self.members]

    def evaluate(self, roc: Roc) -> dict[str, float]:
        """The value of each metric, by its name."""
        return dict(zip(self.names, self.values(roc)))
