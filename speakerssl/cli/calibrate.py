"""`speakerssl calibrate`: scores become log-likelihood ratios."""

import argparse

from speakerssl.cli.calibration_options import add_shared_arguments, llr_facts, llr_options
from speakerssl.cli.scoring_options import print_facts, report_skipped, warn
from speakerssl.scoring.calibrate_scores import calibrate, flips_sign
from speakerssl.scoring.calibration import METHODS

DESCRIPTION = """\
Turn scores into natural-log likelihood ratios, by prior-weighted logistic regression or isotonic regression (PAV).

Train on a development list, apply to another:
  speakerssl calibrate --scores dev/scores --trials dev/trials --save exp/calibration.json
  speakerssl calibrate --scores eval/scores --load exp/calibration.json --output exp/eval_llr

On one list only, without cheating (each trial's model saw neither of its speakers):
  speakerssl calibrate --scores scores --trials trials --cross-validate --output exp/llr

With quality measures (smaller and larger value of a trial's two sides; logistic only):
  speakerssl calibrate --scores dev/scores --trials dev/trials --quality duration=dev/utt2dur --save exp/cal.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl calibrate`."""
    parser.add_argument("--scores", required=True, metavar="FILE", help="scores: `enrol test score [label]` or others")
    parser.add_argument("--method", choices=METHODS, default="logistic", help="calibration (default logistic)")
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Trains or loads, applies, writes, and says what was done."""
    done = calibrate(args.scores, llr_options(args), args.method)
    for remark in done.remarks:
        warn("calibrate", remark)
    report_skipped("calibrate", done.skipped_file, done.pairs)
    facts: dict[str, object] = {"trials": len(done.trials), "skipped": len(done.pairs)}
    if args.save:
        weights = {key: value for key, value in done.model.describe().items() if key in ("weights", "bias")}
        facts |= {"model": args.save, **weights}
    if flips_sign(done.model):
        facts["sign_flipped"] = True
    print_facts(facts | llr_facts(done, args), args.json)
    return 0
