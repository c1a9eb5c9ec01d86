"""Embedding into one file: vectors of length 1, in the order that was asked, resumed where stopped."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.sources import read_sources
from speakerssl.embeddings import embed_files, workers
from speakerssl.embeddings.embed_files import embed_one_by_one, embed_to_file, embed_windows_of
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError


def test_into_a_file(model_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    directory = read_sources([data_dir / "u03.wav", data_dir / "u01.wav"])
    done = embed_to_file(model_dir, directory, tmp_path / "out.npz")
    found = read_embeddings(tmp_path / "out.npz")
    assert found.ids == ["u03", "u01"]
    model = load_model(model_dir)
    np.testing.assert_allclose(found.matrix[1], model.embed(data_dir / "u01.wav"), atol=1e-5)
    assert list(tmp_path.iterdir()) == [tmp_path / "out.npz"]
    assert (done.recordings, done.failed) == (2, {})
    embed_to_file(model_dir, directory, tmp_path / "raw.npz", raw=True)
    raw = read_embeddings(tmp_path / "raw.npz").matrix
    np.testing.assert_allclose(raw[1], model.encode([model.waveform(data_dir / "u01.wav")])[0], rtol=1e-4, atol=1e-5)


def test_a_stopped_job_goes_on(model_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch) -> None:
    directory, work = read_sources([data_dir]), workers._work
    seen: list[str] = []

    def stopping(batch):
        if len(seen) == 5:
            raise KeyboardInterrupt
        seen.append(batch[0].id)
        return work(batch)

    monkeypatch.setattr(workers, "_work", stopping)
    with pytest.raises(KeyboardInterrupt):
        embed_to_file(model_dir, directory, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    again: list[str] = []
    monkeypatch.setattr(workers, "_work", lambda batch: (again.append(batch[0].id), work(batch))[1])
    done = embed_to_file(model_dir, directory, tmp_path / "out.csv")
    assert (done.recordings, done.resumed) == (12, 5)
    assert not set(again) & set(seen)
    assert list(tmp_path.iterdir()) == [tmp_path / "out.csv"]


def test_an_unknown_format_is_said_before_the_work(
    model_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(embed_files, "embed_directory", None)
    with pytest.raises(InputError, match="no format has this suffix"):
        embed_to_file(model_dir, read_sources([data_dir]), tmp_path / "out.bin")


def test_one_by_one_and_windows(model_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    directory = read_sources([data_dir / "u02.wav", tmp_path / "bad.wav"])
    rows = list(embed_one_by_one(model_dir, directory))
    assert [(name, vector is None) for name, vector, _ in rows] == [("u02", False), ("bad", True)]
    assert "bad.wav" in rows[1][2]
    rows = list(embed_windows_of(model_dir, read_sources([data_dir / "u11.wav"]), 1.0, 0.5, "none"))
    assert [name for name, _, _ in rows][:2] == ["u11-0000000-0001000", "u11-0000500-0001500"]
    assert all(abs(np.linalg.norm(vector) - 1) < 1e-5 for _, vector, _ in rows)
