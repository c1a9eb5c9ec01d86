"""`speakerssl verify`: do two recordings hold the same speaker?"""

import argparse
import dataclasses
import json

from speakerssl.cli.model_option import add_model_option

DESCRIPTION = """\
Says whether two recordings hold the same speaker. The exit status is 0 for the same, 1 for another, 2 for a mistake
(as `cmp` does). The threshold comes from the model's calibration.json (see `speakerssl calibrate-model`) at a prior:
how likely the two are of one speaker before listening. With --threshold a cosine decides.

  speakerssl verify --model exp/mini a.wav b.wav
  speakerssl verify --model exp/mini a.wav b.wav --p-target 0.01 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl verify`."""
    parser.add_argument("recordings", nargs=2, metavar="RECORDING", help="two audio files")
    add_model_option(parser)
    parser.add_argument(
        "--p-target", type=float, default=0.5, metavar="P", help="prior of the same speaker, costs equal (default: 0.5)"
    )
    parser.add_argument("--threshold", type=float, metavar="COSINE", help="decide at this cosine instead")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... or auto (default: cpu)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Embeds both, compares, decides."""
    from speakerssl.embeddings.model import load_model

    model = load_model(args.model, args.device)
    first, second = args.recordings
    found = model.verify(first, second, p_target=args.p_target, threshold=args.threshold)
    if args.json:
        print(json.dumps(dataclasses.asdict(found), indent=1))
        return 0 if found.same else 1
    word = "same speaker" if found.same else "different speakers"
    print(f"{word}: cosine {found.score:.4f}, threshold {found.threshold:.4f}")
    if found.llr is not None:
        print(
            f"log-likelihood ratio {found.llr:.2f}; at this threshold {found.p_miss:.2%} of same and {found.p_fa:.2%} "
            f"of different pairs were judged wrongly, on {found.calibrated_on}"
        )
    return 0 if found.same else 1
