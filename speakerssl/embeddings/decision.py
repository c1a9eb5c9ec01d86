"""From the score of two recordings to "same speaker or not", with what is known about its errors.

A model directory may hold `calibration.json`, which `speakerssl calibrate-model` writes from a list of scored trials:
a line that turns a cosine into a log-likelihood ratio, and the two error rates of that list at a grid of thresholds.
Reading and applying it needs no more than NumPy.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import read_bytes, write_text

CALIBRATION = "calibration.json"
FORMAT = "speakerssl-decision"


@dataclass(frozen=True)
class Verification:
    """What a model says of two recordings.

    `score` is their cosine; `llr` the natural logarithm of the likelihood ratio of "one speaker" to "two speakers";
    `same` whether the score reaches `threshold`. `p_miss` and `p_fa` are the error rates which deciding at that
    threshold had on the trials that `calibrated_on` names. Without a calibration `llr`, `p_miss` and `p_fa` are None.
    """

    score: float
    same: bool
    threshold: float
    llr: float | None = None
    p_miss: float | None = None
    p_fa: float | None = None
    calibrated_on: str | None = None


@dataclass(frozen=True)
class Decision:
    """llr = scale x score + offset, with error rates [G] of a list at ascending thresholds [G].

    `trained_on` says in words which recordings the numbers come from; `trials` is (targets, non-targets).
    """

    scale: float
    offset: float
    thresholds: np.ndarray
    p_miss: np.ndarray
    p_fa: np.ndarray
    trained_on: str
    trials: tuple[int, int]

    def threshold(self, p_target: float = 0.5) -> float:
        """The score from which on "same" is the cheaper decision, at a prior of `p_target` and equal costs.

        Raises InputError unless 0 < p_target < 1.
        """
        if not 0 < p_target < 1:
            raise InputError(f"the prior p_target is {p_target:g}; it is a probability between 0 and 1, such as 0.01")
        return (math.log((1 - p_target) / p_target) - self.offset) / self.scale

    def verify(self, score: float, p_target: float = 0.5, threshold: float | None = None) -> Verification:
        """The decision on one score, at the prior `p_target` (0.5: as likely as not) or at a `threshold` given."""
        bound = self.threshold(p_target) if threshold is None else threshold
        miss, alarm = (float(np.interp(bound, self.thresholds, errors)) for errors in (self.p_miss, self.p_fa))
        return Verification(
            score, score >= bound, bound, self.scale * score + self.offset, miss, alarm, self.trained_on
        )


def verify_score(score: float, decision: Decision | None, p_target: float, threshold: float | None) -> Verification:
    """The decision on one score by `decision`, or by a bare `threshold` where a model has no calibration.

    Raises InputError, with the cure, where there is neither.
    """
    if decision is not None:
        return decision.verify(score, p_target, threshold)
    if threshold is None:
        raise InputError(
            f"the model has no {CALIBRATION}, so no score says what it means; make one with "
            "`speakerssl calibrate-model`, or give a threshold"
        )
    return Verification(score, score >= threshold, threshold)


def save_decision(directory: str | Path, decision: Decision) -> Path:
    """Writes `calibration.json` into a model directory; returns its path."""
    path = Path(directory) / CALIBRATION
    write_text(path, json.dumps(decision_content(decision), indent=1, ensure_ascii=False) + "\n")
    return path


def decision_content(decision: Decision) -> dict[str, Any]:
    """A calibration as plain values; `read_decision` is the way back."""
    return {
        "format": FORMAT,
        "llr": "scale x cosine + offset, natural logarithm",
        "scale": decision.scale,
        "offset": decision.offset,
        "trained_on": decision.trained_on,
        "trials": {"target": decision.trials[0], "nontarget": decision.trials[1]},
        "errors": {
            "threshold": decision.thresholds.tolist(),
            "p_miss": decision.p_miss.tolist(),
            "p_fa": decision.p_fa.tolist(),
        },
    }


def load_decision(directory: str | Path) -> Decision | None:
    """The calibration of a model directory, or None where it has none. Raises InputError if the file is damaged."""
    path = Path(directory) / CALIBRATION
    if not path.is_file():
        return None
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        content = None
    return read_decision(content, str(path))


def read_decision(content: Any, where: str) -> Decision:
    """What `decision_content` made plain. Raises InputError beginning with `where` for anything else."""
    try:
        if content["format"] != FORMAT:
            raise ValueError("another format")
        errors = {key: np.array(content["errors"][key], np.float64) for key in ("threshold", "p_miss", "p_fa")}
        trials = int(content["trials"]["target"]), int(content["trials"]["nontarget"])
        curve = errors["threshold"], errors["p_miss"], errors["p_fa"]
        trained_on = str(content["trained_on"])
        decision = Decision(float(content["scale"]), float(content["offset"]), *curve, trained_on, trials)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{where}: is not a calibration that `speakerssl calibrate-model` wrote") from None
    shapes = {array.shape for array in errors.values()}
    finite = all(np.isfinite(array).all() for array in errors.values())
    if len(shapes) != 1 or not len(decision.thresholds) or not finite or not decision.scale > 0:
        raise InputError(f"{where}: holds numbers that are no calibration; write it anew with `calibrate-model`")
    return decision
