"""`speakerssl enrol`: a gallery is made on first use, and recordings come on top."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main
from speakerssl.gallery import Gallery


def test_recordings_come_on_top(
    model: str, takes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = str(tmp_path / "staff.db")
    words = ["enrol", "--model", model, "--gallery", book, "--name", "ana"]
    assert main([*words, takes["ana0"], takes["ana1"]]) == 0
    assert main([*words, takes["ana2"]]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{book}: ana, 2 recordings in all",
        f"{book}: ana, 3 recordings in all",
    ]
    (speaker,) = Gallery(book).speakers()
    assert (speaker.name, speaker.recordings) == ("ana", 3)


def test_a_missing_recording_enrols_nobody(
    model: str, takes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = str(tmp_path / "staff.db")
    words = ["enrol", "--model", model, "--gallery", book, "--name", "ana", takes["ana0"], str(tmp_path / "none.wav")]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.wav" in line
    assert not Gallery(book).speakers()
