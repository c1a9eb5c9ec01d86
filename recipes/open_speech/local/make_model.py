#!/usr/bin/env python3
"""A model folder to give away: the weights, what decides about an embedding, and facts for its card. No paths.

Weights of convolutions and linear layers are kept in 16 bits, in half the space: they are read as the 32 bits that they
are computed in, and embeddings move by less than a thousandth.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from speakerssl.embeddings.card import write_card
from speakerssl.embeddings.model_dir import read_model_dir, save_model
from speakerssl.errors import SpeakerSSLError

KEPT = ("features", "encoder", "evaluation")  # sections of a configuration that an embedding depends on


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder that `speakerssl train` wrote")
    parser.add_argument("--corpora", nargs="+", required=True, help="names of what it was trained on")
    parser.add_argument("--data", type=Path, required=True, help="folder of their data directories, train_NAME")
    parser.add_argument("--output", type=Path, required=True, help="the model folder to write")
    return parser


def make_model(model: Path, corpora: list[str], data: Path, output: Path) -> None:
    """Writes `output`. Raises InputError where `model` is no whole model folder."""
    config, _, encoder = read_model_dir(model)
    for parameter in encoder.parameters():
        if parameter.dim() > 1:  # normalizations are few numbers of any size
            parameter.data = parameter.data.half()
    save_model(output, {name: config[name] for name in KEPT if config.get(name)}, encoder)
    facts = {"name": output.name, "parameters": sum(value.numel() for value in encoder.parameters())}
    facts |= {
        "method": describe_method(config["method"]),
        "data": [describe(name, data / f"train_{name}") for name in corpora],
    }
    write_card(output, facts)


def describe_method(options: dict[str, Any]) -> str:
    """The method's name; on pseudo-labels it says so, for `supervised` alone would be misread."""
    on_clusters = options["name"] == "supervised" and options["labels"] not in ("utt2spk", "recordings")
    return "supervised on clusters" if on_clusters else str(options["name"])


def describe(name: str, folder: Path) -> str:
    """A sentence on a corpus: what of it lies in a data directory that `prepare` wrote."""
    count, hours = _size(folder)
    return f"{name}: {count:,} recordings, {hours:.2f} h, no labels"


def _size(folder: Path) -> tuple[int, float]:
    """Recordings and hours of a data directory that `prepare` wrote."""
    seconds = [float(line.split()[1]) for line in (folder / "utt2dur").read_text(encoding="utf-8").splitlines()]
    return len(seconds), sum(seconds) / 3600


def main() -> int:
    args = build_parser().parse_args()
    try:
        make_model(args.model, args.corpora, args.data, args.output)
    except SpeakerSSLError as error:
        print(f"make_model.py: {error}", file=sys.stderr)
        return error.exit_code
    print(f"model: {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
