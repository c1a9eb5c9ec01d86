"""`speakerssl cross-channel`."""

import argparse
import json

from speakerssl.cli.executor_option import add_executor_option
from speakerssl.cli.pipe_option import add_pipe_option
from speakerssl.cli.recording_options import add_recording_options

DESCRIPTION = """A trial list with its test side passed through channels that training never uses.

  speakerssl cross-channel --data data/test --trials data/test/trials_H --output data/test_xc

Rooms, noises, equalizers, telephone lines and codecs, one draw of its own for every test recording. Where every
speaker was recorded in one session, room and microphone give the speaker away on a clean list; here they do not.
OUTPUT is a data directory with the new list in it; utt2channel says what was done to each recording."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, metavar="DATA_DIR", help="Kaldi data directory of both sides")
    parser.add_argument("--trials", required=True, help="trial list, in any form that is known")
    parser.add_argument("--output", required=True, metavar="DIR", help="data directory to make, the new list in it")
    parser.add_argument("--seed", type=int, default=0, help="of rooms, noises and all draws (default: 0)")
    parser.add_argument(
        "--channels-source", metavar="DIR",
        help="folder of held-out recordings: rir/ with room responses, all else noises (default: simulated ones)",
    )  # fmt: skip
    parser.add_argument(
        "--training-source", metavar="DIR", action="append", default=[],
        help="folder that training takes noises or responses from; an overlap is refused (may be given again)",
    )  # fmt: skip
    parser.add_argument("--suffix", default="-xc", help="appended to the ids of the test side (default: -xc)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    add_recording_options(parser)
    add_executor_option(parser)
    add_pipe_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.corruption.cross_channel import make_cross_channel

    trials = make_cross_channel(
        args.data, args.trials, args.output, args.seed, args.channels_source, args.training_source, args.suffix,
        args.jobs, args.verify, args.on_no_speech,
    )  # fmt: skip
    if args.json:
        print(json.dumps({"data": args.output, "trials": str(trials)}))
    else:
        print(f"cross-channel trials: {trials}\nits data directory:   {args.output}")
    return 0
