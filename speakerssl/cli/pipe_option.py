"""`--allow-pipes`, the same in every verb that reads wav.scp; `cli.main` acts on it."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from speakerssl.data.pipes import PERMISSION, allow_pipes


def add_pipe_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-pipes", action="store_true",
        help="run the shell commands in wav.scp ('id command |'); only for lists that you trust",
    )  # fmt: skip


@contextmanager
def pipes_as_asked(args: argparse.Namespace) -> Iterator[None]:
    """Commands are allowed inside the block if the verb has the option and it was given (or the caller's was)."""
    before = os.environ.get(PERMISSION)
    if getattr(args, "allow_pipes", False):
        allow_pipes()
    try:
        yield
    finally:
        allow_pipes(before == "1")
