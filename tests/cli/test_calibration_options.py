"""Options that `calibrate` and `fuse` share."""

import argparse
from pathlib import Path

import pytest

from speakerssl.cli.calibration_options import add_shared_arguments, llr_options
from speakerssl.scoring.llr_options import LlrOptions
from tests.cli.conftest import NORM, call, refused


def test_calibrate_with_every_quality_measure(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, *NORM, "--top", "50", "--output", "as", "--write-cohort-means", "means")
    quality = ("--quality", "duration=test/utt2dur", "--quality", "cohort-mean=means", "--quality-norm",
               "test/xvector.scp")  # fmt: skip
    facts = call(capsys, "calibrate", "--scores", "as", "--trials", "trials", *quality, "--save", "m.json")
    assert list(facts["weights"]) == ["score", "duration.min", "duration.max", "cohort-mean.min", "cohort-mean.max",
                                      "norm.min", "norm.max"]  # fmt: skip
    call(capsys, "calibrate", "--scores", "as", "--load", "m.json", *quality, "--output", "llr")
    assert "give the same --quality" in refused(
        capsys, "calibrate", "--scores", "as", "--load", "m.json", "--output", "x"
    )


def test_a_quality_is_a_name_and_a_file(two_sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("calibrate", "fuse"):
        for wrong in ("duration", "=x", "duration="):
            message = refused(capsys, verb, "--scores", "s", "--trials", "trials", "--quality", wrong, "--output", "x")
            assert message == f"speakerssl {verb}: --quality {wrong}: write it as NAME=FILE, such as duration=utt2dur\n"


def test_the_command_line_is_taken_over_whole(two_sets: Path) -> None:
    parser = argparse.ArgumentParser()
    add_shared_arguments(parser)
    words = ["--trials", "t", "--prior", "0.1", "--quality", "a=f", "--quality-norm", "e", "--save", "m", "--output",
             "o", "--cross-validate", "--folds", "3", "--utt2spk", "u", "--seed", "7", "--skip-missing",
             "--strip-suffix", ".x"]  # fmt: skip
    assert llr_options(parser.parse_args(words)) == LlrOptions(
        "t", 0.1, [("a", "f")], "e", "m", None, "o", True, 3, "u", 7, True, (".x",)
    )
