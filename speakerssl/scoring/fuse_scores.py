"""Fusion of score files: what `speakerssl fuse` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.calibration import Linear, fit_calibration, load_calibration
from speakerssl.scoring.fusion import fused, greedy_selection, order_inputs
from speakerssl.scoring.llr_options import LlrOptions, LogLikelihoodRatios, write_llrs
from speakerssl.trials.trial_list import Trials


@dataclass(frozen=True)
class GreedyOptions:
    """A greedy choice takes at most `most` systems (None: all) and wants `least_gain` bits from one more."""

    most: int | None = None
    least_gain: float = 1e-4


@dataclass(frozen=True)
class SystemScores:
    """The trials that all systems scored, `scores` [T, M] of the systems `names`, and the pairs that one lacks."""

    names: list[str]
    trials: Trials
    scores: np.ndarray
    skipped: list[tuple[str, str]]


def fuse(
    systems: Sequence[tuple[str, str]], options: LlrOptions, greedy: GreedyOptions | None = None
) -> LogLikelihoodRatios:
    """Fused log-likelihood ratios of `systems`, (name, score file) each, by a model trained or loaded.

    With `greedy` the model takes only the systems that lower the loss. Writes what `options` ask for.
    Raises InputError for files or options that do not go together.
    """
    options.check()
    given = read_systems(systems, options)
    quality_names, qualities = options.quality_columns(given.trials)
    reached: dict[str, float] = {}
    if options.load:
        model = load_calibration(options.load)
        wanted = [name for name in model.inputs if name not in quality_names]
        if not isinstance(model, Linear) or model.inputs[len(wanted) :] != quality_names:
            raise InputError(f"{options.load}: is no fusion trained with the same --quality options in the same order")
        llrs = model.apply(np.hstack([given.scores[:, order_inputs(wanted, given.names)], qualities]))
    else:
        labels, speakers = given.trials.require_labels(), options.held_out_speakers(given.trials)
        columns = list(range(len(given.names)))
        if greedy is not None:
            picks = greedy_selection(
                given.scores, labels, speakers, options.prior, greedy.most, greedy.least_gain, options.folds,
                options.seed, qualities,
            )  # fmt: skip
            reached = {given.names[pick.system]: round(pick.objective, 6) for pick in picks}
            columns = [pick.system for pick in picks]
        inputs = np.hstack([given.scores[:, columns], qualities])
        chosen = [given.names[column] for column in columns] + quality_names
        model = fit_calibration(inputs, labels, chosen, "logistic", options.prior)
        llrs = model.apply(inputs)
        if speakers is not None:
            llrs = fused(inputs, labels, speakers, options.prior, options.folds, options.seed)
    return write_llrs(LogLikelihoodRatios(given.trials, llrs, model, given.skipped, greedy=reached), options)


def name_systems(options: Sequence[str]) -> list[tuple[str, str]]:
    """(name, file) of each `NAME=FILE` or `FILE`, whose name is the file's without its ending.

    Raises InputError for a name given twice.
    """
    systems = []
    for option in options:
        name, equals, path = option.partition("=")
        named = bool(equals) and not Path(option).exists()
        systems.append((name, path) if named else (Path(option.removesuffix(".gz")).stem, option))
    names = [name for name, _ in systems]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two systems are named '{twice}'; name them with --scores NAME=FILE")
    return systems


def read_systems(systems: Sequence[tuple[str, str]], options: LlrOptions) -> SystemScores:
    """The scores of all `systems` on the trials that every one of them has. Raises InputError (see `read_scored`)."""
    first = options.read_scored(systems[0][1])
    trials, skipped = first.trials, list(first.skipped)
    columns = [first.scores]
    for _, path in systems[1:]:
        scored = options.read_scored(path, trials)
        if scored.skipped:
            gone = set(scored.skipped)
            kept = np.array([trials.pair(row) not in gone for row in range(len(trials))])
            columns = [column[kept] for column in columns]
            skipped += scored.skipped
        trials = scored.trials
        columns.append(scored.scores)
    return SystemScores([name for name, _ in systems], trials, np.column_stack(columns), skipped)
