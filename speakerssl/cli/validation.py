"""`speakerssl validation`."""

import argparse
import json
from pathlib import Path

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.numbers import at_least
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_recording_options
from speakerssl.io import remark

DESCRIPTION = """Validation trials without labels, made from training recordings, to choose between models.

  speakerssl validation --data data/train --output data/valid

Targets are two halves of one recording, one of them through rooms, noises and filters that neither training nor
the cross-channel test uses; non-targets are halves of different recordings. Training should leave the chosen
recordings out: OUTPUT/recordings lists them (`data.exclude` in the configuration, --exclude elsewhere)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    parser.add_argument("--output", required=True, metavar="DIR", help="data directory to make, with `trials` in it")
    parser.add_argument("--num-recordings", type=int, default=400, help="recordings to set aside (default: 400)")
    parser.add_argument("--min-half", type=float, default=2.0, help="seconds of a half, at least (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice and the channels (default: 0)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    add_executor_option(parser)
    add_pipe_option(parser)
    add_recording_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.corruption.validation import make_validation

    at_least("--jobs", args.jobs, 0)
    at_least("--num-recordings", args.num_recordings, 2)
    trials = make_validation(
        args.data, args.output, args.num_recordings, args.seed,
        min_half=args.min_half, jobs=args.jobs, verify=args.verify, on_no_speech=args.on_no_speech,
    )  # fmt: skip
    if args.json:
        print(json.dumps({"data": args.output, "trials": str(trials)}))
    else:
        print(f"validation trials: {trials}\nrecordings to leave out of training: {args.output}/recordings")
    failed = Path(args.output) / "failed.txt"
    if failed.exists():
        remark(f"{failed}: recordings that could not be used; the trials do without them")
        return 1
    return 0
