#!/usr/bin/env python3
"""Validation trials across recordings, without labels: halves of one recording flatter what is trained on them.

The channelled half of each held-out recording is tried against the training recordings of its corpus. Targets are those
whose statistics are as alike to its clean half's as halves of one recording are (the mean of the two recordings' own),
non-targets those that are less alike by 0.2 and more. What lies between is left out.

  across_trials.py --store exp/store --valid data/valid --groups data/utt2corpus --config conf/ssl.yaml --output trials
  cat exp/pseudo/iteration-0/embeddings/*/xvector.scp >all.scp
  speakerssl score --embeddings all.scp --trials trials --output scores.txt
  speakerssl metrics --scores scores.txt --trials trials
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from speakerssl.config_file import read_yaml
from speakerssl.data.group_batches import read_groups
from speakerssl.data.kaldi import DataDir
from speakerssl.data.store import FeatureStore
from speakerssl.errors import SpeakerSSLError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.io import progress, write_text
from speakerssl.methods.clustering import unit
from speakerssl.methods.splitting import beyond_halves, likeness
from speakerssl.methods.statistics import half_statistics, whiten_by_halves

FRAMES = 800  # of each recording, from its beginning
MARGIN = 0.2


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="features of the training recordings")
    parser.add_argument("--valid", type=Path, required=True, help="what `speakerssl validation` wrote")
    parser.add_argument("--groups", type=Path, required=True, help="`recording corpus` of the recordings of both")
    parser.add_argument("--config", type=Path, required=True, help="whose features the store holds")
    parser.add_argument("--output", type=Path, required=True, help="the list of trials to write")
    return parser


def make_trials(args: argparse.Namespace) -> tuple[int, int]:
    """Writes the list; returns the numbers of targets and non-targets. Raises InputError for files that do not fit."""
    store, valid = FeatureStore(args.store), DataDir.read(args.valid, labels=False).recordings
    features = FeatureFrontend(read_yaml(args.config)["features"])
    held_out = [name.removesuffix("-enrol") for name in valid if name.endswith("-enrol")]
    numbers = progress(range(len(store)), description="statistics of recordings")
    statistics = [half_statistics(store.frames(index, 0, 0, FRAMES)) for index in numbers]
    for name in progress(held_out, description="statistics of held-out halves"):
        wave = torch.from_numpy(valid[f"{name}-enrol"].read(0.0, FRAMES / 100))
        statistics.append(half_statistics(features.raw(wave[None])[0].numpy()))
    whole, first, second = whiten_by_halves(np.stack(statistics), len(statistics))
    units, alike = unit(whole), likeness(first, second)
    count = len(store)
    excess = beyond_halves(units[count:], units[:count], alike[count:], alike[:count])
    groups = read_groups(str(args.groups), [*store.ids, *held_out])
    same = groups[count:, None] == groups[:count]
    kinds = {1: same & (excess >= 0), 0: same & (excess < -MARGIN)}
    lines = [
        f"{kind} {held_out[i]}-test {store.ids[j]}\n" for kind, chosen in kinds.items() for i, j in np.argwhere(chosen)
    ]
    write_text(args.output, "".join(lines))
    return int(kinds[1].sum()), int(kinds[0].sum())


def main() -> int:
    args = build_parser().parse_args()
    try:
        targets, others = make_trials(args)
    except SpeakerSSLError as error:
        print(f"across_trials.py: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{args.output}: {targets:,} target and {others:,} non-target trials")
    return 0


if __name__ == "__main__":
    sys.exit(main())
