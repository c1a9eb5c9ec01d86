"""`speakerssl verify`: the answer is the exit status."""

import json

import pytest

from speakerssl.cli.main import main


def test_same_and_different(calibrated: str, takes: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--model", calibrated, takes["ana0"], takes["ana0"]]) == 0
    printed = capsys.readouterr().out
    assert "same speaker: cosine 1.0000" in printed
    assert "on made ones" in printed
    words = ["verify", "--model", calibrated, takes["ana0"], takes["ben0"], "--threshold", "0.99999", "--json"]
    assert main(words) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["same"], found["threshold"], found["calibrated_on"]) == (False, 0.99999, "made ones")


def test_a_rarer_same_speaker_needs_a_higher_score(
    calibrated: str, takes: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    thresholds = []
    for prior in ("0.5", "0.01"):
        main(["verify", "--model", calibrated, takes["ana0"], takes["ana1"], "--p-target", prior, "--json"])
        thresholds.append(json.loads(capsys.readouterr().out)["threshold"])
    assert thresholds[0] < thresholds[1]


def test_mistakes_are_one_line(model: str, takes: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (["none.wav", "none.wav"], "none.wav"),
        ([takes["ana0"], takes["ana1"]], "calibrate-model"),  # neither a calibration nor --threshold
    ):
        assert main(["verify", *words, "--model", model]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
