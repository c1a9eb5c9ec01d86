"""`speakerssl compare`: is one system better than another on the same trials?"""

import argparse
import json

from speakerssl.cli.metric_options import (
    add_bootstrap_arguments,
    add_cost_arguments,
    add_strip_suffix_argument,
    suffixes_to_strip,
    summary_options,
)
from speakerssl.errors import InputError

DESCRIPTION = """\
Compares two score files on one trial list: the difference of every metric, its interval and a p-value, by a paired
bootstrap that draws the same speakers for both systems.

  speakerssl compare --scores baseline.txt new.txt --trials veri_test2.txt --p-target 0.01
  speakerssl compare --scores a.txt b.txt --trials trials --utt2spk data/test/utt2spk --bootstrap 5000 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scores", required=True, nargs=2, metavar=("FIRST", "SECOND"), help="score files of the two systems"
    )
    parser.add_argument("--trials", required=True, metavar="LIST", help="trial list with labels")
    add_cost_arguments(parser)
    add_bootstrap_arguments(parser, default=1000)
    parser.add_argument("--skip-missing", action="store_true", help="compare on the trials that both systems scored")
    add_strip_suffix_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.metrics.score_files import compare_files

    options = summary_options(args)
    if options.bootstrap < 1:
        raise InputError("--bootstrap must be at least 1 for a comparison")
    first, second = args.scores
    result = compare_files(
        first, second, args.trials, options, args.utt2spk, args.skip_missing, suffixes_to_strip(args)
    )
    if args.json:
        print(json.dumps(result, indent=1))
        return 0
    from speakerssl.metrics.display import print_comparison

    print_comparison(result)
    if result["skipped"]:
        print(f"{result['skipped']} trials skipped for want of a score in one of the files")
    return 0
