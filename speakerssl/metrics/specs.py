"""The table of all metrics: one entry each, which the suite, the bootstrap, JSON, displays and the report read.

A new metric is one more entry of `METRICS`. Its `value` sees a `Roc`: the operating points of all trials, or those of
a bootstrap draw at which the class of the trials changes (see `speakerssl.metrics.draws`). Between two such points
only one of the two error rates moves, so least costs, areas and hulls may walk over `misses` and `false_alarms`; what
needs a threshold in between asks `counts_at`, `counts_at_alarms`, `points_up_to` or `log_losses`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.detection import (
    OperatingPoint,
    actual_dcf,
    actual_dcf_value,
    at_false_alarm,
    auc,
    eer,
    eer_hull_value,
    eer_value,
    min_dcf,
    min_dcf_value,
    precision_value,
    recall_value,
)
from speakerssl.metrics.roc import Roc

PRIOR, FALSE_ALARM = "p_target", "false_alarm"


@dataclass(frozen=True)
class Setting:
    """What a metric may depend on: prior and costs of a detection cost, the limit on the false-alarm probability."""

    p_target: float = 0.01
    c_miss: float = 1.0
    c_fa: float = 1.0
    false_alarm: float = 0.01


@dataclass(frozen=True)
class Metric:
    """One entry of the table.

    Args:
        key: its name in JSON and on the command line.
        label: its name in tables for people.
        definition: what the number is, for someone who knows miss and false-alarm probability.
        value: the number from operating points and a setting.
        unit: "%": a rate that is shown, and called `<key>_percent` in JSON, in percent; "share": between 0 and 1, in
            percent in the report only; "bits", or "" for a pure number.
        point: the operating point behind the number where it has one; its threshold and rates go into the summary.
        higher_is_better: whether more is better.
        depends_on: `PRIOR`: one number a target prior; `FALSE_ALARM`: one a limit; "": one number.
    """

    key: str
    label: str
    definition: str
    value: Callable[[Roc, Setting], float]
    unit: str = ""
    point: Callable[[Roc, Setting], OperatingPoint] | None = None
    higher_is_better: bool = False
    depends_on: str = ""

    @property
    def json_key(self) -> str:
        """The key in summaries."""
        return f"{self.key}_percent" if self.unit == "%" else self.key

    @property
    def json_scale(self) -> float:
        """The factor from `value` to the number in summaries."""
        return 100.0 if self.unit == "%" else 1.0


METRICS: tuple[Metric, ...] = (
    Metric(
        "eer", "EER",
        "equal error rate in %: where p_miss = p_fa on the line between neighbouring operating points, "
        "tied scores grouped",
        lambda roc, _: eer_value(roc), unit="%", point=lambda roc, _: eer(roc),
    ),
    Metric(
        "eer_hull", "EER (convex hull)", "equal error rate in % on the convex hull of the ROC (ROCCH)",
        lambda roc, _: eer_hull_value(roc), unit="%",
    ),
    Metric(
        "min_dcf", "minDCF",
        "least of (c_miss p_target p_miss + c_fa (1 - p_target) p_fa) / min(c_miss p_target, "
        "c_fa (1 - p_target)) over all thresholds, tied scores grouped",
        lambda roc, s: min_dcf_value(roc, s.p_target, s.c_miss, s.c_fa), depends_on=PRIOR,
        point=lambda roc, s: min_dcf(roc, s.p_target, s.c_miss, s.c_fa),
    ),
    Metric(
        "actual_dcf", "actual DCF",
        "the same cost at the threshold -logit(effective prior): scores are taken as natural log-likelihood ratios",
        lambda roc, s: actual_dcf_value(roc, s.p_target, s.c_miss, s.c_fa), depends_on=PRIOR,
        point=lambda roc, s: actual_dcf(roc, s.p_target, s.c_miss, s.c_fa),
    ),
    Metric(
        "auc", "AUC", "probability that a target trial scores above a non-target one, ties counting half",
        lambda roc, _: auc(roc), higher_is_better=True,
    ),
    Metric(
        "cllr", "Cllr", "cost of the scores as natural log-likelihood ratios, in bits (0 perfect, 1 uninformative)",
        lambda roc, _: cllr(roc), unit="bits",
    ),
    Metric(
        "min_cllr", "minCllr", "the least Cllr after any rising map of the scores (isotonic regression, PAV)",
        lambda roc, _: min_cllr(roc), unit="bits",
    ),
    Metric(
        "precision", "Precision", "precision is the share of targets among accepted trials of this list",
        lambda roc, s: precision_value(roc, s.false_alarm), unit="share", higher_is_better=True,
        depends_on=FALSE_ALARM, point=lambda roc, s: at_false_alarm(roc, s.false_alarm).as_point("precision"),
    ),
    Metric(
        "recall", "Recall", "recall the share of targets accepted",
        lambda roc, s: recall_value(roc, s.false_alarm), unit="share", higher_is_better=True,
        depends_on=FALSE_ALARM, point=lambda roc, s: at_false_alarm(roc, s.false_alarm).as_point("recall"),
    ),
)  # fmt: skip

AT_FALSE_ALARM = "at the lowest threshold with p_fa at most the limit"


def of_kind(depends_on: str) -> list[Metric]:
    """The entries that depend on a prior, on a false-alarm limit, or ("") on neither."""
    return [metric for metric in METRICS if metric.depends_on == depends_on]


def definitions() -> dict[str, str]:
    """What each key of a summary means; all metrics at a false-alarm limit share `fixed_false_alarm`."""
    out = {metric.json_key: metric.definition for metric in METRICS if metric.depends_on != FALSE_ALARM}
    fixed = ", ".join(metric.definition for metric in of_kind(FALSE_ALARM))
    return {**out, "fixed_false_alarm": f"{AT_FALSE_ALARM}: {fixed}", **OTHER_DEFINITIONS}


OTHER_DEFINITIONS = {
    "threshold": "a trial is accepted where its score is at or above the threshold",
    "opis": "mean squared deviation of speakers' utility 2 sens spec / (sens + spec) from their mean on 101 "
    "thresholds between those of global p_fa 0.01 and 0.1; worst_opis is that of the most deviating tenth",
    "intervals": "percentile bootstrap; speakers are drawn with replacement and weigh both sides of each trial",
    "slices": "eer and min_dcf at the slice's own thresholds; p_miss and p_fa at the threshold of the whole "
    "list's EER; numbers are cut at quantiles of the smaller side",
}
