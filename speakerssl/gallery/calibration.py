"""The calibration that a model folder carries, fitted on scored trials: what `speakerssl calibrate-model` calls."""

import numpy as np

from speakerssl.embeddings.decision import Decision
from speakerssl.errors import InputError
from speakerssl.metrics.detection import det_points
from speakerssl.metrics.roc import build_roc
from speakerssl.scoring.logistic import fit_logistic


def fit_decision(scores: np.ndarray, labels: np.ndarray, trained_on: str, where: str = "scores") -> Decision:
    """The calibrated decision that cosines [T] with labels [T] (1: one speaker, 0: two) allow.

    The log-likelihood ratio is a logistic regression at a prior of 0.5; the error rates are those of the same trials,
    thinned to what a DET curve can show.

    Args:
        trained_on: which recordings these are, in words; every decision repeats it.
        where: what error messages call the scores.

    Raises:
        InputError: one class only, scores that are not finite, or that are higher for two speakers than for one.
    """
    roc = build_roc(scores, labels, where)
    weights, bias = fit_logistic(np.asarray(scores, np.float64)[:, None], np.asarray(labels) > 0)
    if not weights[0] > 0:
        raise InputError(f"{where}: scores are higher for two speakers than for one; a cosine is not, see the labels")
    points = det_points(roc)
    targets = int(np.count_nonzero(np.asarray(labels) > 0))
    curve = points["threshold"], points["p_miss"], points["p_fa"]
    return Decision(float(weights[0]), bias, *curve, trained_on, (targets, len(labels) - targets))
