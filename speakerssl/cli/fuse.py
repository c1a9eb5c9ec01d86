"""`speakerssl fuse`: one score from those of several systems."""

import argparse

from speakerssl.cli.calibration_options import add_shared_arguments, llr_facts, llr_options
from speakerssl.cli.scoring_options import print_facts, report_skipped
from speakerssl.scoring.fuse_scores import GreedyOptions, fuse, name_systems

DESCRIPTION = """\
Fuse systems linearly by prior-weighted logistic regression; the result is a natural-log likelihood ratio.

  speakerssl fuse --scores ecapa=dev/ecapa.scores resnet=dev/resnet.scores --trials dev/trials --save exp/fusion.json
  speakerssl fuse --scores ecapa=eval/ecapa.scores resnet=eval/resnet.scores --load exp/fusion.json --output exp/fused

With --greedy the best system is taken first, then whichever lowers the loss most, while it gains --min-gain bits.
With --cross-validate, on one list only, the scores (and the losses that --greedy compares) come from models that saw
neither speaker of a trial. Score files may be in any order of trials."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl fuse`."""
    parser.add_argument(
        "--scores",
        required=True,
        nargs="+",
        metavar="[NAME=]FILE",
        help="one score file a system; NAME is by default the file's name without its ending",
    )
    parser.add_argument("--greedy", action="store_true", help="choose among the systems (default: fuse all)")
    parser.add_argument("--max-systems", type=int, metavar="N", help="most systems that --greedy takes (default all)")
    parser.add_argument(
        "--min-gain", type=float, default=1e-4, help="bits of loss that --greedy wants from one more (default 0.0001)"
    )
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Trains or loads, applies, writes, and says what was done."""
    greedy = GreedyOptions(args.max_systems, args.min_gain) if args.greedy else None
    done = fuse(name_systems(args.scores), llr_options(args), greedy)
    report_skipped("fuse", done.skipped_file, done.pairs)
    facts: dict[str, object] = {"trials": len(done.trials), "skipped": len(done.pairs)}
    if done.greedy:
        facts["greedy_bits"] = done.greedy
    if not args.load:
        facts |= {key: value for key, value in done.model.describe().items() if key in ("weights", "bias")}
    if args.save:
        facts["model"] = args.save
    print_facts(facts | llr_facts(done, args), args.json)
    return 0
