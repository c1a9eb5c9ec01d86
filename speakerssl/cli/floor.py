"""`speakerssl floor`."""

import argparse
import json
import sys

from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_recording_options

DESCRIPTION = """The baseline without training: feature statistics as embeddings, to stand beside every result.

  speakerssl floor --data data/test --output exp/floor

Mean and standard deviation of 30 MFCCs, z-normalized over the given recordings: give all those that a trial list
compares. Writes OUTPUT/xvector.{ark,scp,npz}, which `speakerssl score` takes like any other embeddings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    parser.add_argument("--output", required=True, metavar="DIR", help="where xvector.{ark,scp,npz} go")
    add_recording_options(parser)
    add_pipe_option(parser)
    parser.add_argument("--no-resume", action="store_true", help="compute all again, also what an earlier run has done")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.embeddings.floor import extract_floor

    count, failed = extract_floor(args.data, args.output, args.on_no_speech, args.verify, not args.no_resume)
    for reason in failed.values():
        print(reason, file=sys.stderr)
    if args.json:
        print(json.dumps({"embeddings": f"{args.output}/xvector.scp", "recordings": count, "failed": failed}))
    else:
        print(f"{args.output}/xvector.scp: feature statistics of {count} recordings")
        if failed:
            print(f"{args.output}/failed.txt: {len(failed)} recordings that could not be used")
    return 1 if failed else 0
