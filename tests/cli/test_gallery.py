"""`speakerssl gallery`: list, rename, forget, export."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main


def test_looking_after_a_gallery(
    model: str, takes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = str(tmp_path / "staff.db")
    assert main(["enrol", "--model", model, "--gallery", book, "--name", "ana", takes["ana0"]]) == 0
    assert main(["gallery", "rename", book, "ana", "Ana Lima"]) == 0
    capsys.readouterr()
    assert main(["gallery", "list", book, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "Ana Lima"
    assert main(["gallery", "export", book, str(tmp_path / "out.npz")]) == 0
    assert np.load(tmp_path / "out.npz")["sources"].tolist() == [takes["ana0"]]
    assert main(["gallery", "forget", book, "Ana Lima"]) == 0
    assert main(["gallery", "forget", book, "Ana Lima"]) == 2
    assert "no speaker 'Ana Lima'" in capsys.readouterr().err
