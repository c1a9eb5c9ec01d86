"""`speakerssl stream`: a JSON line a second of raw samples, from standard input or a file."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import soundfile

from speakerssl.cli.main import main


def test_stream(model: str, speech: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    samples, _ = soundfile.read(speech / "a.wav", dtype="int16")
    raw = np.concatenate([samples, np.zeros(32000, np.int16)]).tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert main(["stream", "--model", model, "--window", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["end"] for line in lines] == [1.0, 2.0, 3.0, 4.0]
    assert lines[0]["embedding"]
    assert not lines[-1]["embedding"]
    assert "silent" in lines[-1]["reason"]
    (tmp_path / "a.pcm").write_bytes(raw)
    assert main(["stream", "--model", model, "--window", "1", "--input", str(tmp_path / "a.pcm")]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == lines
    assert main(["stream", "--model", model, "--follow"]) == 2
    assert "name it with --input" in capsys.readouterr().err
