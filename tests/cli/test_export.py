"""`speakerssl export`: a file that the other verbs take for a model."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main


def test_export_and_use(model: str, speech: Path, tmp_path: Path, capsys) -> None:
    pytest.importorskip("onnx")
    path = str(tmp_path / "m.onnx")
    assert main(["export", "--model", model, "--output", path, "--input", "wave", "--lengths"]) == 0
    assert f"{path}: " in capsys.readouterr().out
    pair = [str(speech / "a.wav"), str(speech / "a.wav")]
    assert main(["verify", "--model", path, "--threshold", "0.9", *pair]) == 0
    assert "same speaker: cosine 1.0000" in capsys.readouterr().out
    assert main(["export", "--model", model, "--output", str(tmp_path / "m.tf")]) == 2


def test_for_other_programs(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The small model of the verbs' tests has features and a network that neither program knows."""
    assert main(["export", "--model", model, "--output", str(tmp_path / "w"), "--for", "wespeaker"]) == 2
    assert "wespeaker has no network for" in capsys.readouterr().err
    assert main(["export", "--model", model, "--output", str(tmp_path / "s.onnx"), "--for", "sherpa-onnx"]) == 2
    assert "FBank of 80 values" in capsys.readouterr().err
    words = ["export", "--model", model, "--output", str(tmp_path / "w"), "--for", "wespeaker", "--lengths"]
    assert main(words) == 2
    assert list(tmp_path.iterdir()) == []
