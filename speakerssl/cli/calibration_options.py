"""Options that `calibrate` and `fuse` share: labels, prior, quality measures and cross-validation by speaker."""

import argparse
from typing import Any

import numpy as np

from speakerssl.cli.side_options import add_json_argument
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError
from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.roc import build_roc
from speakerssl.scoring.quality import norm_quality, quality_inputs, read_quality
from speakerssl.trials.speakers import TrialSpeakers, read_utt2spk, trial_speakers
from speakerssl.trials.trial_list import Trials


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
    add_json_argument(parser)


def check_shared(args: argparse.Namespace) -> None:
    """Raises InputError for combinations that make no sense."""
    if args.load and (args.save or args.cross_validate):
        raise InputError("--load applies a model; --save and --cross-validate train one")
    if not (args.save or args.output):
        raise InputError("nothing to write: give --output for scores, --save for the model, or both")


def qualities_of(args: argparse.Namespace, trials: Trials) -> tuple[list[str], np.ndarray]:
    """Names and values [T, Q] of the quality inputs."""
    measures = {}
    for option in args.quality:
        name, equals, path = option.partition("=")
        if not (name and equals and path):
            raise InputError(f"--quality {option}: write it as NAME=FILE, such as duration=utt2dur")
        measures[name] = read_quality(path)
    if args.quality_norm:
        measures["norm"] = norm_quality(read_embeddings(args.quality_norm))
    return quality_inputs(trials, measures)


def speakers_of(args: argparse.Namespace, trials: Trials) -> TrialSpeakers | None:
    """The speakers of the trials, where cross-validation asks for them."""
    if not args.cross_validate:
        return None
    return trial_speakers(trials, read_utt2spk(args.utt2spk) if args.utt2spk else None)


def llr_facts(llrs: np.ndarray, trials: Trials, cross_validated: bool) -> dict[str, Any]:
    """Cllr and minimum Cllr of log-likelihood ratios with labels; nothing where there are none."""
    if trials.labels is None or len(np.unique(trials.labels)) < 2:
        return {}
    roc = build_roc(llrs, trials.labels)
    made = "cross-validated by speaker" if cross_validated else "on the trials given"
    return {"cllr_bits": cllr(roc), "min_cllr_bits": min_cllr(roc), "cllr_is": made}
