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
