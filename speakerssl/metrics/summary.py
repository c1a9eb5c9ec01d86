"""Everything that is known about a set of scores in one dictionary, each number with the text that defines it."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from speakerssl.metrics import specs
from speakerssl.metrics.bootstrap import Interval, speaker_bootstrap
from speakerssl.metrics.consistency import has_both_kinds, threshold_consistency
from speakerssl.metrics.detection import at_false_alarm
from speakerssl.metrics.roc import Roc, build_roc
from speakerssl.metrics.slices import slice_metrics
from speakerssl.metrics.specs import FALSE_ALARM, PRIOR, Setting
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.attributes import Attribute
from speakerssl.trials.speakers import TrialSpeakers
from speakerssl.trials.trial_list import Trials


@dataclass(frozen=True)
class SummaryOptions:
    """What to compute: priors and costs, false-alarm limits, bootstrap draws (0: none), seed and level."""

    p_targets: tuple[float, ...] = (0.01, 0.05)
    c_miss: float = 1.0
    c_fa: float = 1.0
    false_alarms: tuple[float, ...] = (0.001, 0.01)
    bootstrap: int = 0
    seed: int = 0
    level: float = 0.95
    slices: tuple[Attribute, ...] = field(default=())


def summarize(
    scores: np.ndarray,
    labels: np.ndarray,
    options: SummaryOptions | None = None,
    trials: Trials | None = None,
    speakers: TrialSpeakers | None = None,
    utt2spk: dict[str, str] | None = None,
) -> dict[str, Any]:
    """All metrics of scores [N] with labels [N] (positive: target), ready for JSON.

    `speakers` adds threshold consistency and, with `options.bootstrap`, intervals; `trials` is needed for slices.
    Keys: `eer_percent`, `min_dcf` (at the first prior), `actual_dcf`, `cllr`, ... and `definitions` of them all.
    Raises InputError for NaN or infinite scores or a missing class.
    """
    options = options or SummaryOptions()
    roc = build_roc(scores, labels, trials.path if trials is not None and trials.path else "scores")
    out: dict[str, Any] = {
        "trials": len(scores),
        "targets": roc.targets,
        "nontargets": roc.nontargets,
        **point_metrics(roc, options),
    }
    if speakers is not None:
        out["speakers"] = len(speakers.names)
        out["consistency"] = _consistency(roc, scores, labels, speakers)
        if options.bootstrap:
            out["intervals"] = _intervals(scores, labels, speakers, options)
            out["bootstrap"] = {"replicates": options.bootstrap, "seed": options.seed, "level": options.level}
    if options.slices and trials is not None:
        costs = options.p_targets[0], options.c_miss, options.c_fa
        out["slices"] = [
            asdict(part)
            for attribute in options.slices
            for part in slice_metrics(scores, labels, trials, attribute, *costs, utt2spk)
        ]
    out["definitions"] = _definitions(out)
    return out


def inverted_remark(eer_percent: float) -> str | None:
    """What to say of a system whose error rate is beyond chance; None for any other."""
    if eer_percent <= 50:
        return None
    return (
        f"EER {eer_percent:.1f} %: targets score below non-targets; the scores are distances, or the labels are "
        "swapped (negate the scores, or calibrate them)"
    )


def point_metrics(roc: Roc, options: SummaryOptions) -> dict[str, Any]:
    """The metrics that need nothing but operating points."""
    setting = Setting(options.p_targets[0], options.c_miss, options.c_fa)
    costs = [_costs(roc, replace(setting, p_target=p)) for p in options.p_targets]
    out: dict[str, Any] = {}
    for metric in specs.METRICS:
        if metric.depends_on == "":
            point = metric.point(roc, setting) if metric.point else None
            value = point.value if point else metric.value(roc, setting)
            out[metric.json_key] = metric.json_scale * value if metric.json_scale != 1 else value
            if point is not None:
                out[f"{metric.key}_threshold"] = point.threshold
    out |= {"p_target": options.p_targets[0], "c_miss": options.c_miss, "c_fa": options.c_fa}
    out |= {metric.key: costs[0][metric.key] for metric in specs.of_kind(PRIOR)}
    if "min_dcf" in out:
        out["min_dcf_threshold"] = costs[0]["min_dcf_threshold"]
    fixed = [_at_false_alarm(roc, replace(setting, false_alarm=limit)) for limit in options.false_alarms]
    return {**out, "costs": costs, "fixed_false_alarm": fixed}


def _costs(roc: Roc, setting: Setting) -> dict[str, float]:
    """Every metric at one prior, with its threshold and error rates."""
    out: dict[str, float] = {"p_target": setting.p_target, "c_miss": setting.c_miss, "c_fa": setting.c_fa}
    for metric in specs.of_kind(PRIOR):
        point = metric.point(roc, setting) if metric.point else None
        out[metric.key] = point.value if point else metric.value(roc, setting)
        if point is not None:
            rates = {"threshold": point.threshold, "p_miss": point.p_miss, "p_fa": point.p_fa}
            out |= {f"{metric.key}_{name}": rate for name, rate in rates.items()}
    return out


def _at_false_alarm(roc: Roc, setting: Setting) -> dict[str, float]:
    """Every metric at one limit on the false-alarm probability, and the operating point that they share."""
    at = at_false_alarm(roc, setting.false_alarm)
    out = {"limit": at.limit, "threshold": at.threshold, "p_miss": at.p_miss, "p_fa": at.p_fa}
    for metric in specs.of_kind(FALSE_ALARM):
        point = metric.point(roc, setting) if metric.point else None
        out[metric.key] = point.value if point else metric.value(roc, setting)
    return out


def _consistency(roc: Roc, scores: np.ndarray, labels: np.ndarray, speakers: TrialSpeakers) -> dict[str, Any] | None:
    """None where the list has no speaker with both kinds of trial."""
    if not has_both_kinds(np.asarray(labels) > 0, speakers):
        return None
    found = threshold_consistency(roc, scores, labels, speakers)
    return {
        "opis": found.opis,
        "worst_opis": found.worst_opis,
        "epsilon": found.epsilon,
        "worst_speakers": found.worst[:10],
        "thresholds": [float(found.thresholds[0]), float(found.thresholds[-1])],
        "speakers": len(found.names),
        "left_out": found.left_out,
    }


def _intervals(
    scores: np.ndarray, labels: np.ndarray, speakers: TrialSpeakers, options: SummaryOptions
) -> dict[str, dict[str, float]]:
    """Intervals under the names of the summary, in its units."""
    suite = MetricSuite(options.p_targets, options.c_miss, options.c_fa, options.false_alarms)
    found = speaker_bootstrap(scores, labels, speakers, suite, options.bootstrap, options.seed, options.level)
    out = {}
    for member in suite.members:
        if member.name in found:
            key = member.metric.json_key if member.parameter is None else member.name
            out[key] = _scaled(found[member.name], member.metric.json_scale if member.parameter is None else 1.0)
    first = f"@{options.p_targets[0]:g}"
    for metric in specs.of_kind(PRIOR):
        if metric.key + first in out:
            out[metric.key] = out[metric.key + first]
    return out


def _scaled(interval: Interval, scale: float) -> dict[str, float]:
    return {
        "low": scale * interval.low,
        "high": scale * interval.high,
        "level": interval.level,
        "deviation": scale * interval.deviation,
    }


def _definitions(out: dict[str, Any]) -> dict[str, str]:
    present = set(out) | {"threshold"} | ({"opis"} if out.get("consistency") else set())
    return {name: text for name, text in specs.definitions().items() if name in present}
