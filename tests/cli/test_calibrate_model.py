"""`speakerssl calibrate-model`: what the scores of a model mean, in its folder."""

import json
import shutil
from pathlib import Path

import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.decision import CALIBRATION


def test_thresholds_and_error_rates(calibrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", calibrated, "--scores", str(tmp_path / "scores"), "--trained-on", "again"]
    assert main(["calibrate-model", *words]) == 0
    assert f"{calibrated}/{CALIBRATION}: calibrated on 400 trials (again)" in capsys.readouterr().out
    assert main(["calibrate-model", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["calibration"], found["trials"]) == (f"{calibrated}/{CALIBRATION}", 400)
    thresholds = [found["by_p_target"][prior]["threshold"] for prior in ("0.5", "0.05", "0.01")]
    assert thresholds == sorted(thresholds)  # the rarer a target, the higher a score has to be
    assert 0.1 < thresholds[0] < 0.9
    assert json.loads(Path(calibrated, CALIBRATION).read_text())["trained_on"] == "again"


def test_mistakes_are_one_line(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(shutil.copytree(model, tmp_path / "model"))
    (tmp_path / "blind").write_text("a b 0.5\n")
    for path, scores, message in (
        (folder, "none", "none: cannot be read"),
        (folder, str(tmp_path / "blind"), "has no labels"),
        (str(tmp_path), "none", "is no model folder: it has no config.yaml"),
    ):
        assert main(["calibrate-model", "--model", path, "--scores", scores, "--trained-on", "x"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    assert not Path(folder, CALIBRATION).exists()
