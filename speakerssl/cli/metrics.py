"""`speakerssl metrics`: everything that a score file says about a system."""

import argparse
import dataclasses
import json

from speakerssl.cli.metric_options import (
    add_bootstrap_arguments,
    add_cost_arguments,
    add_strip_suffix_argument,
    suffixes_to_strip,
    summary_options,
)
from speakerssl.io import remark

DESCRIPTION = """\
EER, minimum and actual detection costs, Cllr, AUC, precision at fixed false acceptance, threshold consistency between
speakers, each with its definition; confidence intervals by resampling speakers; the same for slices of the list.
Scores of any toolkit are read (`enrol test score [label]`, `score enrol test`, `score label`; plain or gzip) and
joined to the trials by their ids, whatever the order: also SpeechBrain's, wespeaker's, NIST's, CSV and TSV.

  speakerssl metrics --scores exp/scores.txt --trials veri_test2.txt --p-target 0.01 0.05
  speakerssl metrics --scores scores.txt --trials veri_test2.txt --bootstrap 1000 --slice vox1_meta.csv:gender
  speakerssl metrics --scores scores.txt --trials trials --utt2spk data/test/utt2spk --slice data/test/utt2dur --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scores", required=True, metavar="FILE", help="score file")
    parser.add_argument("--trials", metavar="LIST", help="trial list (default: the labels in the score file)")
    add_cost_arguments(parser)
    add_bootstrap_arguments(parser, default=0)
    parser.add_argument(
        "--slice", nargs="+", action="extend", default=[], metavar="FILE[:COLUMN]",
        help="also report by this attribute: utt2<attribute>, spk2<attribute>, utt2dur, num_utts, or a column of a "
        "table with a header",
    )  # fmt: skip
    parser.add_argument("--skip-missing", action="store_true", help="leave out trials without a score and say how many")
    add_strip_suffix_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object: eer_percent, min_dcf, ...")


def run(args: argparse.Namespace) -> int:
    from speakerssl.metrics.score_files import summarize_file
    from speakerssl.metrics.summary import inverted_remark
    from speakerssl.trials.attributes import read_attribute_option

    options = dataclasses.replace(
        summary_options(args), slices=tuple(read_attribute_option(option) for option in args.slice)
    )
    summary = summarize_file(
        args.scores, args.trials, options, args.utt2spk, args.skip_missing, suffixes_to_strip(args)
    )
    warning = inverted_remark(summary["eer_percent"])
    if warning:
        remark(f"{args.scores}: {warning}")
    if args.json:
        print(json.dumps(summary, indent=1))
        return 0
    from speakerssl.metrics.display import print_summary

    print_summary(summary, args.scores)
    if summary["skipped"]:
        first = " ".join(summary["skipped_pairs"][0])
        print(f"{summary['skipped']} trials skipped for want of a score; the first is '{first}'")
    return 0
