#!/usr/bin/env python3
"""Makes the cross-channel list: the test side of a trial list passed through channels that training never uses."""

import argparse
import sys
from pathlib import Path

from speakerssl.corruption.cross_channel import make_cross_channel
from speakerssl.errors import SpeakerSSLError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: make_cross_channel.py --data data/test --trials data/test/trials_H --output data/test_xc",
    )
    parser.add_argument("--data", type=Path, required=True, help="Kaldi data directory of both sides of the list")
    parser.add_argument("--trials", type=Path, required=True, help="trial list, in any form that is known")
    parser.add_argument("--output", type=Path, required=True, help="data directory to make, with the new list in it")
    parser.add_argument("--seed", type=int, default=0, help="of rooms, noises and all draws (default: 0)")
    parser.add_argument(
        "--channels-source",
        type=Path,
        help="folder of held-out recordings: rir/ with room responses, all else noises (default: simulated ones)",
    )
    parser.add_argument(
        "--training-source",
        type=Path,
        action="append",
        default=[],
        help="folder that training takes noises or responses from; an overlap is refused (may be given again)",
    )
    parser.add_argument("--suffix", default="-xc", help="appended to the ids of the test side (default: -xc)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    return parser


def main() -> int:
    args = build_parser().parse_args()
    try:
        trials = make_cross_channel(
            args.data,
            args.trials,
            args.output,
            args.seed,
            args.channels_source,
            args.training_source,
            args.suffix,
            args.jobs,
        )
    except SpeakerSSLError as error:
        print(f"make_cross_channel.py: {error}", file=sys.stderr)
        return error.exit_code
    print(f"cross-channel trials: {trials}\nits data directory:   {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
