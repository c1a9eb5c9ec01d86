"""Calibration: scores (and quality measures) become log-likelihood ratios. Models are saved as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.io import read_bytes, write_text
from speakerssl.scoring.folds import cross_validate
from speakerssl.scoring.isotonic import Isotonic, fit_isotonic
from speakerssl.scoring.logistic import fit_logistic
from speakerssl.trials.speakers import TrialSpeakers

METHODS = ("logistic", "isotonic")
FORMAT = "speakerssl-calibration"


@dataclass(frozen=True)
class Linear:
    """llr = inputs @ weights + bias: a calibration (inputs: score, qualities) or a fusion (scores of systems)."""

    inputs: list[str]
    weights: np.ndarray
    bias: float
    prior: float

    def apply(self, inputs: np.ndarray) -> np.ndarray:
        """Log-likelihood ratios [T] (nats) of `inputs` [T, K]."""
        return inputs @ self.weights + self.bias

    def describe(self) -> dict[str, object]:
        """What the JSON file holds."""
        weights = dict(zip(self.inputs, self.weights.tolist()))
        return {"method": "logistic", "weights": weights, "bias": self.bias, "prior": self.prior}


@dataclass(frozen=True)
class Pav:
    """The same interface for isotonic calibration, which takes the score alone."""

    inputs: list[str]
    curve: Isotonic

    def apply(self, inputs: np.ndarray) -> np.ndarray:
        """Log-likelihood ratios [T] (nats) of the scores `inputs` [T, 1]."""
        return self.curve.apply(inputs[:, 0])

    def describe(self) -> dict[str, object]:
        """What the JSON file holds."""
        return {
            "method": "isotonic",
            "inputs": self.inputs,
            "scores": self.curve.scores.tolist(),
            "llrs": self.curve.llrs.tolist(),
        }


Calibration = Linear | Pav


def fit_calibration(
    inputs: np.ndarray, labels: np.ndarray, names: Sequence[str], method: str = "logistic", prior: float = 0.5
) -> Calibration:
    """The calibration of `inputs` [T, K] (named `names`, the score first) with `labels` [T] of 1 and 0.

    Raises InputError for an unknown method, one class only, or isotonic with more than the score.
    """
    if method == "logistic":
        weights, bias = fit_logistic(inputs, labels, prior)
        return Linear(list(names), weights, bias, prior)
    if method != "isotonic":
        raise unknown_name("calibration", method, METHODS)
    if inputs.shape[1] != 1:
        raise InputError("isotonic calibration takes the score alone; quality measures need --method logistic")
    return Pav(list(names), fit_isotonic(inputs[:, 0], labels))


def cross_validated(
    inputs: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers,
    method: str = "logistic",
    prior: float = 0.5,
    folds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Log-likelihood ratios [T], each from a calibration that saw neither speaker of its trial (see `folds`)."""
    names = [str(column) for column in range(inputs.shape[1])]

    def fit(rows: np.ndarray):  # type: ignore[no-untyped-def]
        model = fit_calibration(inputs[rows], labels[rows], names, method, prior)
        return lambda wanted: model.apply(inputs[wanted])

    return cross_validate(speakers, fit, folds, seed)


def save_calibration(path: str | Path, model: Calibration) -> None:
    """Writes `model` as JSON."""
    content = {"format": FORMAT, "output": "natural-log likelihood ratio", **model.describe()}
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def load_calibration(path: str | Path) -> Calibration:
    """Reads what `save_calibration` wrote. Raises InputError if it is something else."""
    try:
        content = json.loads(read_bytes(path))
        if content["format"] != FORMAT:
            raise ValueError("another format")
        if content["method"] == "isotonic":
            curve = Isotonic(np.array(content["scores"], np.float64), np.array(content["llrs"], np.float64))
            model: Calibration = Pav(content["inputs"], curve)
            numbers = np.concatenate([curve.scores, curve.llrs])
        else:
            weights = np.array(list(content["weights"].values()), np.float64)
            model = Linear(list(content["weights"]), weights, float(content["bias"]), float(content["prior"]))
            numbers = np.append(weights, model.bias)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: is not a calibration or fusion that speakerssl saved") from None
    if not np.isfinite(numbers).all():
        raise InputError(f"{path}: the model holds NaN or infinite numbers")
    return model
