#!/usr/bin/env python3
"""A model folder to give away: the weights, what decides about an embedding, and facts for its card. No paths."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speakerssl.embeddings.model_dir import read_model_dir, save_model
from speakerssl.errors import SpeakerSSLError
from speakerssl.io import write_text

KEPT = ("features", "encoder", "evaluation")  # sections of a configuration that an embedding depends on


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder that `speakerssl train` wrote")
    parser.add_argument("--corpora", nargs="+", required=True, help="names of what it was trained on")
    parser.add_argument("--data", type=Path, required=True, help="folder of their data directories, train_NAME")
    parser.add_argument("--output", type=Path, required=True, help="the model folder to write")
    return parser


def make_model(model: Path, corpora: list[str], data: Path, output: Path) -> None:
    """Writes `output`. Raises InputError where `model` is no whole model folder."""
    config, _, encoder = read_model_dir(model)
    save_model(output, {name: config[name] for name in KEPT if config.get(name)}, encoder)
    write_text(output / "training.json", json.dumps(facts(config, corpora, data, encoder), indent=1) + "\n")


def facts(config: Mapping[str, Any], corpora: list[str], data: Path, encoder: Any) -> dict[str, Any]:
    """What the card says about the training."""
    sizes = {name: _size(data / f"train_{name}") for name in corpora}
    return {
        "method": config.get("method", {}).get("name"),
        "loss": config.get("loss", {}),
        "steps": config.get("training", {}).get("steps"),
        "parameters": sum(value.numel() for value in encoder.parameters()),
        "corpora": {name: {"recordings": count, "hours": round(hours, 2)} for name, (count, hours) in sizes.items()},
    }


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
