"""`speakerssl import`: what was found is said; what holds more than tensors is refused."""

import pickle
from pathlib import Path

import pytest
import torch

from speakerssl.cli.main import main
from tests.embeddings.test_import_model import WespeakerResNet34


def test_a_model_folder_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(WespeakerResNet34(8, 80, 32).state_dict(), tmp_path / "avg_model.pt")
    assert main(["import", "--weights", str(tmp_path / "avg_model.pt"), "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{tmp_path}/out: rvector_resnet, ")
    assert "embeddings of 32 numbers" in printed
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(print))
    for weights in ("none.pt", str(tmp_path / "bad.pt")):
        assert main(["import", "--weights", weights, "--output", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert weights in line
    assert not (tmp_path / "out").exists()
