"""`speakerssl calibrate`: scores become log-likelihood ratios."""

import argparse
from dataclasses import replace

import numpy as np

from speakerssl.cli.calibration_options import add_shared_arguments, check_shared, llr_facts, qualities_of, speakers_of
from speakerssl.cli.side_options import print_facts, report_skipped
from speakerssl.errors import InputError
from speakerssl.scoring.calibration import (
    METHODS,
    cross_validated,
    fit_calibration,
    load_calibration,
    save_calibration,
)
from speakerssl.trials.score_file import ScoredTrials, join, read_scores, round_scores, write_scores
from speakerssl.trials.trial_list import Trials, read_trials

DESCRIPTION = """\
Turn scores into natural-log likelihood ratios, by prior-weighted logistic regression or isotonic regression (PAV).

Train on a development list, apply to another:
  speakerssl calibrate --scores dev/scores --trials dev/trials --save exp/calibration.json
  speakerssl calibrate --scores eval/scores --load exp/calibration.json --output exp/eval_llr

On one list only, without cheating (each trial's model saw neither of its speakers):
  speakerssl calibrate --scores scores --trials trials --cross-validate --output exp/llr

With quality measures (smaller and larger value of a trial's two sides; logistic only):
  speakerssl calibrate --scores dev/scores --trials dev/trials --quality duration=dev/utt2dur --save exp/cal.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl calibrate`."""
    parser.add_argument("--scores", required=True, metavar="FILE", help="scores: `enrol test score [label]` or others")
    parser.add_argument("--method", choices=METHODS, default="logistic", help="calibration (default logistic)")
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Trains or loads, applies, writes."""
    check_shared(args)
    scored = read_scored(args.scores, args)
    quality_names, qualities = qualities_of(args, scored.trials)
    names, inputs = ["score", *quality_names], np.column_stack([scored.scores, qualities])
    facts: dict[str, object] = {"trials": len(scored), "skipped": len(scored.skipped)}
    if args.load:
        model = load_calibration(args.load)
        if model.inputs != names:
            raise InputError(
                f"{args.load}: was trained on {', '.join(model.inputs)}, but {', '.join(names)} are given; "
                "give the same --quality options in the same order"
            )
        llrs = model.apply(inputs)
    else:
        labels = scored.trials.require_labels()
        model = fit_calibration(inputs, labels, names, args.method, args.prior)
        llrs = model.apply(inputs)
        speakers = speakers_of(args, scored.trials)
        if speakers is not None:
            llrs = cross_validated(inputs, labels, speakers, args.method, args.prior, args.folds, args.seed)
    if args.save:
        save_calibration(args.save, model)
        facts |= {"model": args.save, **{k: v for k, v in model.describe().items() if k in ("weights", "bias")}}
    facts |= llr_facts(llrs, scored.trials, args.cross_validate)
    if args.output:
        write_scores(args.output, scored.trials, round_scores(llrs))
        facts |= {"score": "natural-log likelihood ratio", "output": args.output}
        facts |= report_skipped("calibrate", args.output, scored.skipped)
    print_facts(facts, args.json)
    return 0


def read_scored(path: str, args: argparse.Namespace, reference: Trials | None = None) -> ScoredTrials:
    """The scores of the trial list (`reference`, or --trials), or of the pairs of the score file itself."""
    scores = read_scores(path)
    if reference is None and args.trials:
        reference = read_trials(args.trials)
    if reference is not None:
        joined = join(scores, reference, args.skip_missing)
        return replace(joined, trials=joined.trials.compact()) if joined.skipped else joined
    if scores.trials is None:
        if args.output:
            raise InputError(f"{path}: has no ids to write scores for; name the trial list with --trials")
        rows = np.zeros(len(scores), np.int32)
        return ScoredTrials(Trials([""], [""], rows, rows, scores.labels, path), scores.values, [], path)
    if scores.labels is None and not args.load:
        raise InputError(f"{path}: has no labels to train on; name the trial list with --trials")
    return ScoredTrials(scores.trials, scores.values, [], path)
