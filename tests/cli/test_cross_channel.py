"""`speakerssl cross-channel`: the test side of a list through channels."""

from pathlib import Path

import pytest

from speakerssl.cli.main import main
from speakerssl.data.kaldi import DataDir
from tests.cli.conftest import call


def test_the_test_side_is_written_under_new_ids(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trials").write_text("1 u0 u1\n0 u0 u2\n")
    done = call(capsys, "cross-channel", "--data", data, "--trials", tmp_path / "trials", "--output", tmp_path / "xc",
                "--suffix=-far", "--jobs", 1)  # fmt: skip
    assert Path(done["trials"]).read_text() == "1 u0 u1-far\n0 u0 u2-far\n"
    assert sorted(DataDir.read(done["data"]).recordings) == ["u0", "u1-far", "u2-far"]


def test_an_unknown_recording_is_named_by_its_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "typo").write_text("1 u0 u1\n1 u0 x9\n")
    words = ["--data", str(data), "--trials", str(tmp_path / "typo"), "--output", str(tmp_path / "xc")]
    assert main(["cross-channel", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "typo:2: 'x9' is not in" in line
    assert not (tmp_path / "xc").exists()
