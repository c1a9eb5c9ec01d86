"""`speakerssl ivector train` and `speakerssl ivector extract`."""

import argparse
import json
import sys

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.numbers import at_least
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_no_speech_option, add_recording_options
from speakerssl.errors import InputError

DESCRIPTION = """i-vectors: the classical embedding that needs no labels (GMM-UBM and total variability, EM).

  speakerssl ivector train --data data/train --output exp/ivector                          Kaldi's sizes: 2048, 400
  speakerssl ivector train --data data/train --gaussians 256 --dim 200 --output exp/ivector        on a small corpus
  speakerssl ivector extract --model exp/ivector --data data/test --output exp/ivector/embeddings/test

The embeddings are files like those of `speakerssl extract`: score, back-end, cluster and report take them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", metavar="train|extract", required=True)
    train = verbs.add_parser("train", help="train a UBM and a total variability matrix")
    train.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    train.add_argument("--output", required=True, metavar="DIR", help="where ivector.npz and all in between goes")
    train.add_argument("--exclude", metavar="FILE", help="recording ids to leave out, one a line")
    train.add_argument("--gaussians", type=int, default=2048, metavar="C", help="of the UBM (default 2048)")
    train.add_argument("--dim", type=int, default=400, metavar="R", help="numbers in an i-vector (default 400)")
    train.add_argument("--covariance", choices=("full", "diagonal"), default="full", help="of the UBM (default full)")
    train.add_argument("--ubm-iterations", type=int, default=20, help="diagonal EM iterations (default 20)")
    train.add_argument("--full-iterations", type=int, default=4, help="full EM iterations after them (default 4)")
    train.add_argument("--ubm-frames", type=int, default=500_000, help="frames for the UBM (default 500000)")
    train.add_argument("--iterations", type=int, default=5, help="of the total variability (default 5)")
    train.add_argument(
        "--update-covariances",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="estimate residual covariances too, as Kaldi does (default); with --no- they stay those of the UBM",
    )
    train.add_argument(
        "--update-prior",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="minimum divergence: i-vectors of zero mean and unit covariance (default)",
    )
    train.add_argument("--variance-floor", type=float, default=0.1, help="share of the mean covariance (default 0.1)")
    train.add_argument("--min-count", type=float, default=100.0, help="frames a Gaussian needs (default 100)")
    train.add_argument("--max-recordings", type=int, default=100_000, help="the longest count (default 100000)")
    train.add_argument("--seed", type=int, default=0, help="of all draws (default 0)")
    extract = verbs.add_parser("extract", help="i-vectors of every recording in data directories")
    extract.add_argument("--model", required=True, metavar="DIR", help="what `ivector train` wrote")
    extract.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    extract.add_argument("--output", required=True, metavar="DIR", help="where xvector.{ark,scp,npz} go")
    add_recording_options(train)
    add_no_speech_option(extract)
    train.add_argument("--jobs", type=int, default=4, metavar="N", help="threads or jobs at work (default: 4)")
    extract.add_argument("--jobs", type=int, default=1, metavar="N", help="processes or jobs at work (default: 1)")
    for verb in (train, extract):
        add_executor_option(verb)
        add_pipe_option(verb)
        verb.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    at_least("--jobs", args.jobs, 1)
    return _train(args) if args.action == "train" else _extract(args)


def _train(args: argparse.Namespace) -> int:
    from dataclasses import fields
    from pathlib import Path

    from speakerssl.clustering.ivector_training import MODEL, IVectorOptions, train_ivectors
    from speakerssl.data.kaldi import merged_recordings
    from speakerssl.io import read_text

    options = IVectorOptions(**{field.name: getattr(args, field.name) for field in fields(IVectorOptions)})
    excluded = set(read_text(args.exclude).split()) if args.exclude else set()
    utterances = [one for key, one in merged_recordings(args.data).items() if key not in excluded]
    if not utterances:
        raise InputError(f"{args.exclude}: leaves no recording of {', '.join(args.data)}")
    objectives, failed = train_ivectors(
        Path(args.output), utterances, options, args.on_no_speech, args.verify, args.jobs
    )
    if args.json:
        print(json.dumps({"model": f"{args.output}/{MODEL}", "objectives": objectives, "failed": failed}))
    else:
        steps = ", ".join(f"{value:.2f}" for value in objectives)
        print(f"{args.output}/{MODEL}: log-likelihood a recording (but for a constant) by iteration: {steps}")
    return _status(args.output, failed)


def _extract(args: argparse.Namespace) -> int:
    from pathlib import Path

    from speakerssl.clustering.ivector_training import extract_ivectors, load_extractor
    from speakerssl.data.kaldi import merged_recordings
    from speakerssl.data.prepare import write_failures
    from speakerssl.embeddings.storage import write_embeddings
    from speakerssl.resume import output_lock

    model, utterances = Path(args.model), list(merged_recordings(args.data).values())
    dim = load_extractor(model).dim
    with output_lock(args.output):
        ids, vectors, failed = extract_ivectors(model, utterances, args.on_no_speech, args.jobs)
        write_failures(args.output, failed)
        write_embeddings(args.output, ids, vectors)
    if args.json:
        print(json.dumps({"embeddings": f"{args.output}/xvector.scp", "recordings": len(ids), "failed": failed}))
    else:
        print(f"{args.output}/xvector.scp: {len(ids)} i-vectors of {dim} numbers")
    return _status(args.output, failed)


def _status(output: str, failed: dict[str, str]) -> int:
    """Names the recordings that could not be used; the exit status."""
    for reason in failed.values():
        print(reason, file=sys.stderr)
    if failed:
        print(f"{output}/failed.txt: {len(failed)} recordings that could not be used", file=sys.stderr)
    return 1 if failed else 0
