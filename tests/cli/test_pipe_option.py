"""`--allow-pipes` holds for one call, whatever was allowed before."""

import argparse
import os

import pytest

from speakerssl.cli.pipe_option import add_pipe_option, pipes_as_asked
from speakerssl.data.pipes import PERMISSION


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_pipe_option(parser)
    return parser.parse_args(words)


def allowed_in(args: argparse.Namespace) -> str | None:
    """What commands are told inside the block, which then fails."""
    inside = None
    try:
        with pipes_as_asked(args):
            inside = os.environ.get(PERMISSION)
            raise InterruptedError
    except InterruptedError:
        return inside


def test_only_inside_and_only_if_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PERMISSION, raising=False)
    assert allowed_in(parsed()) is None
    assert allowed_in(parsed("--allow-pipes")) == "1"
    assert PERMISSION not in os.environ


def test_the_callers_permission_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PERMISSION, "1")
    assert allowed_in(argparse.Namespace()) == "1"  # a verb without the option
    assert os.environ[PERMISSION] == "1"
