"""`speakerssl fuse`: one score from those of several systems."""

import argparse
from pathlib import Path

import numpy as np

from speakerssl.cli.calibrate import read_scored
from speakerssl.cli.calibration_options import add_shared_arguments, check_shared, llr_facts, qualities_of, speakers_of
from speakerssl.cli.side_options import print_facts, report_skipped
from speakerssl.errors import InputError
from speakerssl.scoring.calibration import Linear, fit_calibration, load_calibration, save_calibration
from speakerssl.scoring.fusion import fused, greedy_selection, order_inputs
from speakerssl.trials.score_file import round_scores, write_scores
from speakerssl.trials.speakers import TrialSpeakers
from speakerssl.trials.trial_list import Trials

DESCRIPTION = """\
Fuse systems linearly by prior-weighted logistic regression; the result is a natural-log likelihood ratio.

  speakerssl fuse --scores ecapa=dev/ecapa.scores resnet=dev/resnet.scores --trials dev/trials --save exp/fusion.json
  speakerssl fuse --scores ecapa=eval/ecapa.scores resnet=eval/resnet.scores --load exp/fusion.json --output exp/fused

With --greedy the best system is taken first, then whichever lowers the loss most, while it gains --min-gain bits.
With --cross-validate, on one list only, the scores (and the losses that --greedy compares) come from models that saw
neither speaker of a trial. Score files may be in any order of trials."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl fuse`."""
    parser.add_argument(
        "--scores",
        required=True,
        nargs="+",
        metavar="[NAME=]FILE",
        help="one score file a system; NAME is by default the file's name without its ending",
    )
    parser.add_argument("--greedy", action="store_true", help="choose among the systems (default: fuse all)")
    parser.add_argument("--max-systems", type=int, metavar="N", help="most systems that --greedy takes (default all)")
    parser.add_argument(
        "--min-gain", type=float, default=1e-4, help="bits of loss that --greedy wants from one more (default 0.0001)"
    )
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Trains or loads, applies, writes."""
    check_shared(args)
    names, trials, scores, skipped = _read_systems(args)
    quality_names, qualities = qualities_of(args, trials)
    facts: dict[str, object] = {"trials": len(trials), "skipped": len(skipped)}
    if args.load:
        model = load_calibration(args.load)
        systems = [name for name in model.inputs if name not in quality_names]
        if not isinstance(model, Linear) or model.inputs[len(systems) :] != quality_names:
            raise InputError(f"{args.load}: is no fusion trained with the same --quality options in the same order")
        columns = order_inputs(systems, names)
        llrs = model.apply(np.hstack([scores[:, columns], qualities]))
    else:
        labels, speakers = trials.require_labels(), speakers_of(args, trials)
        columns = _choose(args, names, scores, labels, speakers, qualities, facts)
        inputs = np.hstack([scores[:, columns], qualities])
        chosen = [names[column] for column in columns] + quality_names
        fitted = fit_calibration(inputs, labels, chosen, "logistic", args.prior)
        llrs = fused(inputs, labels, speakers, args.prior, args.folds, args.seed) if speakers else fitted.apply(inputs)
        facts |= {key: value for key, value in fitted.describe().items() if key in ("weights", "bias")}
        if args.save:
            save_calibration(args.save, fitted)
            facts["model"] = args.save
    facts |= llr_facts(llrs, trials, args.cross_validate)
    if args.output:
        write_scores(args.output, trials, round_scores(llrs))
        facts |= {"score": "natural-log likelihood ratio", "output": args.output}
        facts |= report_skipped("fuse", args.output, skipped)
    print_facts(facts, args.json)
    return 0


def _choose(
    args: argparse.Namespace,
    names: list[str],
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: TrialSpeakers | None,
    qualities: np.ndarray,
    facts: dict[str, object],
) -> list[int]:
    """The systems to fuse, and into `facts` what each greedy round reached."""
    if not args.greedy:
        return list(range(len(names)))
    picks = greedy_selection(
        scores, labels, speakers, args.prior, args.max_systems, args.min_gain, args.folds, args.seed, qualities
    )
    facts["greedy_bits"] = {names[pick.system]: round(pick.objective, 6) for pick in picks}
    return [pick.system for pick in picks]


def _read_systems(
    args: argparse.Namespace,
) -> tuple[list[str], Trials, np.ndarray, list[tuple[str, str]]]:
    """Names of the systems, the trials that all of them scored, scores [T, M] and the skipped pairs."""
    names, paths = [], []
    for option in args.scores:
        name, equals, path = option.partition("=")
        named = bool(equals) and not Path(option).exists()
        paths.append(path if named else option)
        names.append(name if named else Path(option.removesuffix(".gz")).stem)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two systems are named '{twice}'; name them with --scores NAME=FILE")
    first = read_scored(paths[0], args)
    trials, skipped = first.trials, list(first.skipped)
    columns = [first.scores]
    for path in paths[1:]:
        scored = read_scored(path, args, trials)
        if scored.skipped:
            gone = set(scored.skipped)
            kept = np.array([trials.pair(row) not in gone for row in range(len(trials))])
            columns = [column[kept] for column in columns]
            skipped += scored.skipped
        trials = scored.trials
        columns.append(scored.scores)
    return names, trials, np.column_stack(columns), skipped
