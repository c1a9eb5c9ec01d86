"""`speakerssl identify`: names and scores, unknown speakers, a gallery that is not there."""

import json
from pathlib import Path

import pytest

from speakerssl.cli.main import main


@pytest.fixture
def gallery(calibrated: str, takes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Two takes of either voice, enrolled."""
    book = str(tmp_path / "staff.db")
    for name in ("ana", "ben"):
        recordings = [takes[f"{name}{take}"] for take in (0, 1)]
        assert main(["enrol", "--model", calibrated, "--gallery", book, "--name", name, *recordings]) == 0
    capsys.readouterr()
    return book


def test_who_speaks(gallery: str, calibrated: str, takes: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["identify", "--model", calibrated, "--gallery", gallery]
    assert main([*words, takes["ben2"], takes["ana2"], "--json", "--top", "2"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [item["recording"] for item in found] == [takes["ben2"], takes["ana2"]]
    assert [item["name"] for item in found] == ["ben", "ana"]
    assert [len(item["candidates"]) for item in found] == [2, 2]
    assert main([*words, takes["ben2"], "--threshold", "1.5"]) == 1
    assert capsys.readouterr().out.startswith(f"{takes['ben2']}: unknown (ben ")


def test_a_gallery_that_is_not_there(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.db"
    assert main(["identify", "--model", model, "--gallery", str(path), "x.wav"]) == 2
    assert capsys.readouterr().err == f"speakerssl identify: {path}: does not exist; `speakerssl enrol` makes it\n"
    assert not path.exists()
