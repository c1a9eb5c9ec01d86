"""`speakerssl info`: what a model, a data directory or this installation is."""

import argparse
import json
from typing import Any

from speakerssl.cli.pipe_option import add_pipe_option

DESCRIPTION = """\
Tells what a model directory is (encoder, parameters, features), what a data directory holds and what is wrong with
it (every problem is a line with file and line number; the exit status is then 1), or what this installation is.

  speakerssl info
  speakerssl info --model exp/mini
  speakerssl info --data data/train --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    subject = parser.add_mutually_exclusive_group()
    subject.add_argument("--model", metavar="EXP_DIR", help="a directory that `speakerssl train` wrote")
    subject.add_argument("--data", metavar="DATA_DIR", help="a Kaldi data directory, which is checked as well")
    parser.add_argument("--decode", action="store_true", help="with --data: decode every recording to its end (slower)")
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    described = _describe(args)
    print(json.dumps(described, indent=1) if args.json else "\n".join(_lines(described)))
    return 1 if described.get("problems") else 0


def _describe(args: argparse.Namespace) -> dict[str, Any]:
    if args.data:
        from speakerssl.data.summary import describe_data

        return describe_data(args.data, args.decode)
    from speakerssl.embeddings.summary import describe_installation, describe_model

    return describe_model(args.model) if args.model else describe_installation()


def _lines(described: dict[str, Any], indent: str = "") -> list[str]:
    """`key  value` lines; mappings and lists are indented below their key."""
    width = max(len(key) for key in described) + 2
    lines = []
    for key, value in described.items():
        name = f"{indent}{key.replace('_', ' '):{width}}"
        if isinstance(value, dict) and value:
            lines += [name.rstrip(), *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            lines += [name + ("none" if not value else ""), *(f"{indent}  {item}" for item in value)]
        else:
            lines.append(name + ("-" if value is None else f"{value:,}" if type(value) is int else str(value)))
    return [line.rstrip() for line in lines]
