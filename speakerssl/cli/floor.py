"""`speakerssl floor`."""

import argparse
import json

from speakerssl.cli.pipe_option import add_pipe_option

DESCRIPTION = """The feature-statistics floor: embeddings that need no training, to stand beside every result.

  speakerssl floor --data data/test --output exp/floor

Mean and standard deviation of 30 MFCCs, z-normalized over the given recordings: give all those that a trial list
compares. Writes OUTPUT/xvector.{ark,scp}, which `speakerssl score` takes like any other embeddings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    parser.add_argument("--output", required=True, metavar="DIR", help="where xvector.{ark,scp} go")
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.data.kaldi import DataDir
    from speakerssl.embeddings.floor import feature_statistics
    from speakerssl.embeddings.storage import write_embeddings

    recordings = {key: utt for path in args.data for key, utt in DataDir.read(path).recordings.items()}
    write_embeddings(args.output, list(recordings), feature_statistics(list(recordings.values())))
    if args.json:
        print(json.dumps({"embeddings": f"{args.output}/xvector.scp", "recordings": len(recordings)}))
    else:
        print(f"feature statistics of {len(recordings)} recordings: {args.output}/xvector.scp")
    return 0
