"""The options of verbs that go through recordings."""

import argparse

import pytest

from speakerssl.cli.recording_options import add_recording_options


def test_defaults_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_recording_options(parser)
    assert vars(parser.parse_args([])) == {"on_no_speech": "error", "verify": "stat"}
    assert vars(parser.parse_args(["--on-no-speech", "warn", "--verify", "content"])) == {
        "on_no_speech": "warn",
        "verify": "content",
    }
    for wrong in (["--on-no-speech", "skip"], ["--verify", "hash"]):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
        assert "invalid choice" in capsys.readouterr().err
