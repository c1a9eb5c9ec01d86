"""`speakerssl embed`: printed or written, a bad recording by name, usage errors in one line."""

import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.cli.main import main
from speakerssl.embeddings.storage import read_embeddings


def test_printed_one_a_line_and_a_bad_one_by_name(model: str, speech: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "bad.wav").write_text("x")
    assert main(["embed", "--model", model, str(speech), str(tmp_path / "bad.wav")]) == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["id"] for line in lines] == ["a", "b"]
    assert np.linalg.norm(lines[0]["embedding"]) == pytest.approx(1.0, abs=1e-5)
    assert "bad.wav" in err


def test_written(model: str, speech: Path, tmp_path: Path, capsys) -> None:
    assert main(["embed", "--model", model, "--output", str(tmp_path / "o.scp"), str(speech)]) == 0
    assert "2 embeddings of" in capsys.readouterr().out
    assert read_embeddings(tmp_path / "o.scp").ids == ["a", "b"]
    windows = ["embed", "--model", model, "--window", "1", "--output", str(tmp_path / "w.npz"), str(speech / "a.wav")]
    assert main(windows) == 0
    assert len(read_embeddings(tmp_path / "w.npz").ids) >= 3


def test_usage_errors(model: str, speech: Path, tmp_path: Path, capsys) -> None:
    for line, message in (
        (["--output", "o.xls", str(speech)], "no format has this suffix"),
        ([str(speech / "none.wav")], "does not exist"),
        (["--threads", "0", str(speech)], "--threads and --jobs"),
        (["--engine", "bf17", str(speech)], "invalid choice"),
    ):
        try:
            status: object = main(["embed", "--model", model, *line])
        except SystemExit as exit_:
            status = exit_.code
        assert status == 2
        assert message in capsys.readouterr().err
