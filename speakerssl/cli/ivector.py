"""`speakerssl ivector train` and `speakerssl ivector extract`."""

import argparse
import json
from typing import TYPE_CHECKING

from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.errors import InputError

if TYPE_CHECKING:
    from speakerssl.data.kaldi import Utterance

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
    train.add_argument("--max-recordings", type=int, default=100_000, help="the longest count (default 100000)")
    train.add_argument("--seed", type=int, default=0, help="of all draws (default 0)")
    extract = verbs.add_parser("extract", help="i-vectors of every recording in data directories")
    extract.add_argument("--model", required=True, metavar="DIR", help="what `ivector train` wrote")
    extract.add_argument("--data", required=True, nargs="+", metavar="DATA_DIR", help="Kaldi data directories")
    extract.add_argument("--output", required=True, metavar="DIR", help="where xvector.{ark,scp,npz} go")
    for verb in (train, extract):
        add_pipe_option(verb)
        verb.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    return _train(args) if args.action == "train" else _extract(args)


def _train(args: argparse.Namespace) -> int:
    from dataclasses import fields
    from pathlib import Path

    from speakerssl.clustering.ivector_training import MODEL, IVectorOptions, train_ivectors
    from speakerssl.io import read_text

    options = IVectorOptions(**{field.name: getattr(args, field.name) for field in fields(IVectorOptions)})
    excluded = set(read_text(args.exclude).split()) if args.exclude else set()
    utterances = [utterance for utterance in _utterances(args.data) if utterance.id not in excluded]
    if not utterances:
        raise InputError(f"{args.exclude}: leaves no recording of {', '.join(args.data)}")
    objectives = train_ivectors(Path(args.output), utterances, options)
    if args.json:
        print(json.dumps({"model": f"{args.output}/{MODEL}", "objectives": objectives}))
    else:
        steps = ", ".join(f"{value:.2f}" for value in objectives)
        print(f"{args.output}/{MODEL}: log-likelihood a recording (but for a constant) by iteration: {steps}")
    return 0


def _extract(args: argparse.Namespace) -> int:
    from pathlib import Path

    from speakerssl.clustering.ivector_training import extract_ivectors, load_extractor
    from speakerssl.embeddings.storage import write_embeddings

    extractor, utterances = load_extractor(Path(args.model)), _utterances(args.data)
    write_embeddings(args.output, [utterance.id for utterance in utterances], extract_ivectors(extractor, utterances))
    if args.json:
        print(json.dumps({"embeddings": f"{args.output}/xvector.scp", "recordings": len(utterances)}))
    else:
        print(f"{args.output}/xvector.scp: {len(utterances)} i-vectors of {extractor.dim} numbers")
    return 0


def _utterances(paths: list[str]) -> "list[Utterance]":
    """All recordings of the directories; one id counts once."""
    from speakerssl.data.kaldi import DataDir

    return list(
        {key: utt for path in paths for key, utt in DataDir.read(path, labels=False).recordings.items()}.values()
    )
