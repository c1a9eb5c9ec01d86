"""Calibration of a score file: what `speakerssl calibrate` does."""

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.calibration import Calibration, Linear, cross_validated, fit_calibration, load_calibration
from speakerssl.scoring.llr_options import LlrOptions, LogLikelihoodRatios, write_llrs


def calibrate(scores: str, options: LlrOptions, method: str = "logistic") -> LogLikelihoodRatios:
    """Log-likelihood ratios of the score file `scores`, by a model trained (`method`) or loaded as `options` say.

    Writes what `options` ask for. Raises InputError for files or options that do not go together.
    """
    options.check()
    scored = options.read_scored(scores)
    quality_names, qualities = options.quality_columns(scored.trials)
    names, inputs = ["score", *quality_names], np.column_stack([scored.scores, qualities])
    if options.load:
        model = load_calibration(options.load)
        if model.inputs != names:
            raise InputError(
                f"{options.load}: was trained on {', '.join(model.inputs)}, but {', '.join(names)} are given; "
                "give the same --quality options in the same order"
            )
        llrs = model.apply(inputs)
    else:
        labels = scored.trials.require_labels()
        model = fit_calibration(inputs, labels, names, method, options.prior)
        llrs = model.apply(inputs)
        speakers = options.held_out_speakers(scored.trials)
        if speakers is not None:
            llrs = cross_validated(inputs, labels, speakers, method, options.prior, options.folds, options.seed)
    found = LogLikelihoodRatios(scored.trials, llrs, model, scored.skipped, remarks=_remarks(model, scores))
    return write_llrs(found, options)


def flips_sign(model: Calibration) -> bool:
    """Whether a higher score gives a lower ratio: the scores are distances, or the labels are exchanged."""
    return isinstance(model, Linear) and bool(model.weights[0] < 0)


def _remarks(model: Calibration, path: str) -> list[str]:
    """What a person should know of a model: scores that are lower where speakers are the same."""
    if flips_sign(model):
        return [
            f"{path}: scores are lower where speakers are the same (an EER over 50 %); the calibration flips their sign"
        ]
    if not isinstance(model, Linear) and model.curve.llrs[0] == model.curve.llrs[-1]:
        return [
            f"{path}: scores do not rise where speakers are the same, so isotonic calibration makes them all equal; "
            "--method logistic flips the sign of inverted scores"
        ]
    return []
