"""Everything that is known about a set of scores in one dictionary, each number with the text that defines it."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from speakerssl.metrics.bootstrap import Interval, speaker_bootstrap
from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.consistency import threshold_consistency
from speakerssl.metrics.detection import OperatingPoint, actual_dcf, at_false_alarm, auc, eer, eer_hull, min_dcf
from speakerssl.metrics.roc import Roc, build_roc
from speakerssl.metrics.slices import slice_metrics
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.attributes import Attribute
from speakerssl.trials.speakers import TrialSpeakers
from speakerssl.trials.trial_list import Trials

DEFINITIONS = {
    "eer_percent": "equal error rate in %: where p_miss = p_fa on the line between neighbouring operating points, "
    "tied scores grouped",
    "eer_hull_percent": "equal error rate in % on the convex hull of the ROC (ROCCH)",
    "min_dcf": "least of (c_miss p_target p_miss + c_fa (1 - p_target) p_fa) / min(c_miss p_target, "
    "c_fa (1 - p_target)) over all thresholds, tied scores grouped",
    "actual_dcf": "the same cost at the threshold -logit(effective prior): scores are taken as natural "
    "log-likelihood ratios",
    "cllr": "cost of the scores as natural log-likelihood ratios, in bits (0 perfect, 1 uninformative)",
    "min_cllr": "the least Cllr after any rising map of the scores (isotonic regression, PAV)",
    "auc": "probability that a target trial scores above a non-target one, ties counting half",
    "fixed_false_alarm": "at the lowest threshold with p_fa at most the limit: precision is the share of targets "
    "among accepted trials of this list, recall the share of targets accepted",
    "threshold": "a trial is accepted where its score is at or above the threshold",
    "opis": "mean squared deviation of speakers' utility 2 sens spec / (sens + spec) from their mean on 101 "
    "thresholds between those of global p_fa 0.01 and 0.1; worst_opis is that of the most deviating tenth",
    "intervals": "percentile bootstrap; speakers are drawn with replacement and weigh both sides of each trial",
    "slices": "eer and min_dcf at the slice's own thresholds; p_miss and p_fa at the threshold of the whole "
    "list's EER; numbers are cut at quantiles of the smaller side",
}


@dataclass(frozen=True)
class SummaryOptions:
    """What to compute: priors and costs, false-alarm limits, bootstrap draws (0: none), seed and level."""

    p_targets: tuple[float, ...] = (0.05,)
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


def point_metrics(roc: Roc, options: SummaryOptions) -> dict[str, Any]:
    """The metrics that need nothing but operating points."""
    equal, hull = eer(roc), eer_hull(roc)
    cost = options.c_miss, options.c_fa
    costs = [{"p_target": p, "c_miss": cost[0], "c_fa": cost[1], **_costs(roc, p, *cost)} for p in options.p_targets]
    fixed = [at_false_alarm(roc, limit) for limit in options.false_alarms]
    return {
        "eer_percent": 100 * equal.value,
        "eer_threshold": equal.threshold,
        "eer_hull_percent": 100 * hull.value,
        "p_target": options.p_targets[0],
        "c_miss": cost[0],
        "c_fa": cost[1],
        "min_dcf": costs[0]["min_dcf"],
        "min_dcf_threshold": costs[0]["min_dcf_threshold"],
        "actual_dcf": costs[0]["actual_dcf"],
        "costs": costs,
        "cllr": cllr(roc),
        "min_cllr": min_cllr(roc),
        "auc": auc(roc),
        "fixed_false_alarm": [{**asdict(point), "recall": point.recall} for point in fixed],
    }


def _costs(roc: Roc, p_target: float, c_miss: float, c_fa: float) -> dict[str, float]:
    least, actual = min_dcf(roc, p_target, c_miss, c_fa), actual_dcf(roc, p_target, c_miss, c_fa)
    return {
        "min_dcf": least.value,
        **_rates("min_dcf", least),
        "actual_dcf": actual.value,
        **_rates("actual_dcf", actual),
    }


def _rates(name: str, point: OperatingPoint) -> dict[str, float]:
    return {f"{name}_threshold": point.threshold, f"{name}_p_miss": point.p_miss, f"{name}_p_fa": point.p_fa}


def _consistency(roc: Roc, scores: np.ndarray, labels: np.ndarray, speakers: TrialSpeakers) -> dict[str, Any] | None:
    """None where the list has no speaker with both kinds of trial."""
    known = np.asarray(labels) > 0
    if not np.intersect1d(speakers.enrol[known], np.concatenate([speakers.enrol[~known], speakers.test[~known]])).size:
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
    for name, interval in found.items():
        percent = name in ("eer", "eer_hull")
        scale = 100.0 if percent else 1.0
        key = f"{name}_percent" if percent else name
        out[key] = _scaled(interval, scale)
    first = f"@{options.p_targets[0]:g}"
    for name in ("min_dcf", "actual_dcf"):
        if name + first in out:
            out[name] = out[name + first]
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
    return {name: text for name, text in DEFINITIONS.items() if name in present}
