"""The two options of every verb that goes through recordings: what is not speech, and what counts as unchanged."""

import argparse


def add_recording_options(parser: argparse.ArgumentParser) -> None:
    """Adds --on-no-speech and --verify."""
    add_no_speech_option(parser)
    parser.add_argument(
        "--verify", choices=("stat", "content"), default="stat",
        help="what tells, when OUTPUT is there already, that a recording has not changed: size and time of "
        "modification of its file (stat) or all of its bytes (content) (default: stat)",
    )  # fmt: skip


def add_no_speech_option(parser: argparse.ArgumentParser) -> None:
    """Adds --on-no-speech, alone for a verb that does not go on from what an earlier run left."""
    parser.add_argument(
        "--on-no-speech", choices=("error", "warn", "keep"), default="error",
        help="a silent, constant or hissing recording, or one under 0.1 s: fails by name while the others go on "
        "(error), is used with a remark (warn) or without (keep) (default: error)",
    )  # fmt: skip
