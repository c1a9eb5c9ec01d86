"""Options that `calibrate` and `fuse` share: labels, prior, quality measures and cross-validation by speaker."""

import argparse
from typing import Any

import numpy as np

from speakerssl.cli.metric_options import add_strip_suffix_argument, suffixes_to_strip
from speakerssl.cli.scoring_options import add_json_argument
from speakerssl.errors import InputError
from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.roc import build_roc
from speakerssl.scoring.llr_options import LlrOptions, LogLikelihoodRatios


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """All but the scores and the method."""
    parser.add_argument("--trials", metavar="FILE", help="labelled trial list (default: the labels of the score file)")
    parser.add_argument("--prior", type=float, default=0.5, help="target prior to train for (default 0.5: Cllr)")
    parser.add_argument(
        "--quality",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="quality measure of recordings: `recording value` lines, such as duration=utt2dur (taken as logarithm) or "
        "cohort-mean=FILE of `speakerssl norm`; may be repeated",
    )
    parser.add_argument("--quality-norm", metavar="FILE", help="embeddings whose norm is a quality measure")
    parser.add_argument("--save", metavar="FILE", help="write the trained model (JSON)")
    parser.add_argument("--load", metavar="FILE", help="apply this saved model; nothing is trained, labels not needed")
    parser.add_argument("--output", metavar="FILE", help="score file to write: `enrol test llr` lines")
    parser.add_argument(
        "--cross-validate",
        action="store_true",
        help="each trial of --output by a model trained without any trial of the folds of its speakers",
    )
    parser.add_argument("--folds", type=int, default=5, help="speaker folds of --cross-validate (default 5)")
    parser.add_argument("--utt2spk", metavar="FILE", help="speakers (default: the ids' part before the first '/')")
    parser.add_argument("--seed", type=int, default=0, help="seed of the folds (default 0)")
    parser.add_argument("--skip-missing", action="store_true", help="leave out trials without score, listing them")
    add_strip_suffix_argument(parser)
    add_json_argument(parser)


def llr_options(args: argparse.Namespace) -> LlrOptions:
    """The shared options of the command line. Raises InputError for a --quality that is no NAME=FILE."""
    qualities = []
    for option in args.quality:
        name, equals, path = option.partition("=")
        if not (name and equals and path):
            raise InputError(f"--quality {option}: write it as NAME=FILE, such as duration=utt2dur")
        qualities.append((name, path))
    return LlrOptions(
        args.trials, args.prior, qualities, args.quality_norm, args.save, args.load, args.output, args.cross_validate,
        args.folds, args.utt2spk, args.seed, args.skip_missing,
        suffixes_to_strip(args),
    )  # fmt: skip


def llr_facts(done: LogLikelihoodRatios, args: argparse.Namespace) -> dict[str, Any]:
    """Cllr and minimum Cllr where there are labels, and the score file where one was written."""
    facts: dict[str, Any] = {}
    labels = done.trials.labels
    if labels is not None and len(np.unique(labels)) == 2:
        roc = build_roc(done.llrs, labels)
        made = "cross-validated by speaker" if args.cross_validate else "on the trials given"
        facts |= {"cllr_bits": cllr(roc), "min_cllr_bits": min_cllr(roc), "cllr_is": made}
    if args.output:
        facts |= {"score": "natural-log likelihood ratio", "output": args.output}
    if done.skipped_file:
        facts["skipped_file"] = done.skipped_file
    return facts
