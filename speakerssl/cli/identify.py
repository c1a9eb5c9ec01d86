"""`speakerssl identify`: who of a gallery speaks in a recording?"""

import argparse
import dataclasses
import json

from speakerssl.cli.model_option import add_model_option

DESCRIPTION = """\
Says who of the speakers of a gallery speaks in each recording, or "unknown" where the best score stays below the
threshold of the model's calibration.json (or of --threshold). The exit status is 0 when everybody is known, else 1.

  speakerssl identify --model exp/mini --gallery staff.db x.wav --top 3
  speakerssl identify --model exp/mini --gallery staff.db calls/*.wav --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl identify`."""
    parser.add_argument("recordings", nargs="+", metavar="RECORDING", help="audio files")
    parser.add_argument("--gallery", required=True, metavar="FILE", help="the gallery that `enrol` filled")
    add_model_option(parser)
    parser.add_argument("--top", type=int, default=3, metavar="N", help="candidates that are printed (default: 3)")
    parser.add_argument(
        "--p-target", type=float, default=0.5, metavar="P", help="prior of an enrolled speaker (default: 0.5)"
    )
    parser.add_argument("--threshold", type=float, metavar="COSINE", help="decide at this cosine instead")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... or auto (default: cpu)")
    parser.add_argument("--json", action="store_true", help="one JSON object a recording and line")


def run(args: argparse.Namespace) -> int:
    """Embeds, searches, prints."""
    from pathlib import Path

    from speakerssl.embeddings.model import load_model
    from speakerssl.errors import InputError
    from speakerssl.gallery import Gallery
    from speakerssl.gallery.identification import is_address

    if not is_address(args.gallery) and not Path(args.gallery).is_file():
        raise InputError(f"{args.gallery}: does not exist; `speakerssl enrol` makes it")
    gallery = Gallery(args.gallery, load_model(args.model, args.device))
    unknown = 0
    for recording in args.recordings:
        found = gallery.identify(recording, args.top, args.p_target, args.threshold)
        unknown += found.name is None
        if args.json:
            print(json.dumps({"recording": recording, **dataclasses.asdict(found)}, ensure_ascii=False), flush=True)
            continue
        others = ", ".join(f"{candidate.name} {candidate.score:.4f}" for candidate in found.candidates)
        print(f"{recording}: {found.name or 'unknown'} ({others}; threshold {found.threshold:.4f})", flush=True)
    return 1 if unknown else 0
