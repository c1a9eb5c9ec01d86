"""`speakerssl validate`: what would harm training or make an evaluation wrong, before hours are spent on it."""

import argparse
import json
from typing import TYPE_CHECKING

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.pipe_option import add_pipe_option

if TYPE_CHECKING:
    from speakerssl.data.problems import Validated

DESCRIPTION = """\
Decodes every recording of one or more data directories and names what is wrong: unreadable, silent, no speech,
clipped, too short, of another sampling rate, two speakers in two channels, the same audio twice (whatever the file is
called), and audio or speakers of training that are in the test set as well. The exit status is 1 where there is any.

  speakerssl validate --data data/train
  speakerssl validate --data data/train data/test --output validate.tsv
  speakerssl validate --data data/calls --rate 8000 --min-duration 3 --json

Give the training directory first: what a later one shares with it is a leak. --output has a line a problem: directory,
recording, kind, detail.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", nargs="+", required=True, help="data directories, training first")
    parser.add_argument("--output", metavar="TSV", help="write every problem as a line of a tab-separated table")
    parser.add_argument(
        "--min-duration", type=float, default=1.0, metavar="SECONDS", help="name shorter recordings (default: 1)"
    )
    parser.add_argument(
        "--rate", type=int, metavar="HZ",
        help="the sampling rate that all should have (default: that of most of a directory, 16000 at least)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", "--threads", type=int, default=4, metavar="N", help="recordings decoded at once (default: 4)"
    )  # fmt: skip
    add_executor_option(parser)
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print counts and problems as JSON")


def run(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from speakerssl.cli.numbers import at_least
    from speakerssl.data.kaldi import DataDir
    from speakerssl.data.problems import find_problems
    from speakerssl.errors import one_line
    from speakerssl.io import check_file, write_text

    at_least("--jobs", args.jobs, 1)
    if args.output:
        check_file(args.output)
    found = find_problems([DataDir.read(path) for path in args.data], args.min_duration, args.rate, args.jobs)
    if args.output:
        lines = ["data\trecording\tkind\tdetail"]
        lines += ["\t".join(map(one_line, (p.data, p.id, p.kind, p.detail))) for p in found.problems]
        write_text(args.output, "\n".join(lines) + "\n")
    if args.json:
        content = {"recordings": found.recordings, "hours": round(found.hours, 4), "counts": found.counts}
        print(json.dumps(content | {"problems": [asdict(problem) for problem in found.problems]}, indent=1))
    else:
        print("\n".join(_table(found, args.output)))
    return 1 if found.problems else 0


def _table(found: "Validated", output: str | None) -> list[str]:
    """One line a kind of problem, with its number and the first case."""
    from speakerssl.data.problems import KINDS

    lines = [f"{found.recordings} recordings, {found.hours:.2f} hours"]
    for kind, count in found.counts.items():
        first = next(problem for problem in found.problems if problem.kind == kind)
        lines.append(f"{count:7,}  {kind:18}{KINDS[kind]}; the first: {first.id}: {first.detail}"[:200])
    if not found.problems:
        lines.append("nothing is wrong with them")
    return lines + ([f"every problem: {output}"] if output else [])
