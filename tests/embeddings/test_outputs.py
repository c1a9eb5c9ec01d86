"""Every format is read back by the program that it is for, with the same numbers."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.outputs import FORMATS, check_format, write_as
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError

IDS = ["a", "b-ü", "c"]


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".ark", ".scp", ".npz", ".npy"])
def test_formats_of_this_toolkit(suffix: str, matrix: np.ndarray, tmp_path: Path) -> None:
    files = write_as(tmp_path / f"out{suffix}", IDS, matrix)
    assert all(file.is_file() for file in files)
    found = read_embeddings(tmp_path / f"out{suffix}")
    assert found.ids == IDS
    np.testing.assert_array_equal(found.matrix, matrix)


def test_parquet(matrix: np.ndarray, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'parquet'")
    write_as(tmp_path / "out.parquet", IDS, matrix)
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column("id").to_pylist() == IDS
    np.testing.assert_array_equal(np.array(table.column("embedding").to_pylist(), np.float32), matrix)


def test_text_formats_keep_every_bit(matrix: np.ndarray, tmp_path: Path) -> None:
    write_as(tmp_path / "out.csv", IDS, matrix)
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", "e0", "e1", "e2", "e3", "e4"]
    assert [row[0] for row in rows] == IDS
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), matrix)
    write_as(tmp_path / "out.jsonl", IDS, matrix)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == IDS
    np.testing.assert_array_equal(np.array([line["embedding"] for line in lines], np.float32), matrix)
    write_as(tmp_path / "out.txt", IDS, matrix)
    (tmp_path / "out.txt").rename(tmp_path / "text.ark")  # Kaldi's text archive
    np.testing.assert_array_equal(read_embeddings(tmp_path / "text.ark").matrix, matrix)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path, matrix: np.ndarray) -> None:
    for path in ("out.pkl", "out"):
        with pytest.raises(InputError, match=r"the known ones are: .ark, .scp, .npz"):
            check_format(path)
        with pytest.raises(InputError):
            write_as(tmp_path / path, IDS, matrix)
    assert set(FORMATS) >= {".parquet", ".csv", ".jsonl", ".txt"}
    assert not list(tmp_path.iterdir())
