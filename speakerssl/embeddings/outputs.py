"""Embeddings in the formats of other programs: Kaldi, NumPy, Parquet, CSV, JSON lines, plain text."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import write_embeddings
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, write_text

Writer = Callable[[Path, Sequence[str], np.ndarray], list[Path]]


def _npz(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    with atomic_path(path) as temporary:
        np.savez(temporary, ids=np.array(ids, np.str_), embeddings=matrix)
    return [path]


def _npy(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    with atomic_path(path) as temporary:
        np.save(temporary, matrix)
    write_text(path.with_suffix(".ids"), "".join(f"{name}\n" for name in ids))
    return [path, path.with_suffix(".ids")]


def _kaldi(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    written = write_embeddings(path.parent, ids, matrix, path.stem)
    return [written["ark"], written["scp"], written["npz"]]


def _parquet(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise JobError(f"{path}: Parquet needs the package pyarrow: pip install 'speakerssl[parquet]'") from None
    numbers = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(matrix.ravel()), matrix.shape[1])
    with atomic_path(path) as temporary:
        parquet.write_table(pyarrow.table({"id": pyarrow.array(list(ids)), "embedding": numbers}), temporary)
    return [path]


def _csv(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", *(f"e{i}" for i in range(matrix.shape[1]))])
        rows.writerows([name, *map(str, row)] for name, row in zip(ids, matrix))
    return [path]


def _jsonl(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    lines = (json.dumps({"id": name, "embedding": _short(row)}, ensure_ascii=False) for name, row in zip(ids, matrix))
    write_text(path, "".join(f"{line}\n" for line in lines))
    return [path]


def _text(path: Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    write_text(path, "".join(f"{name}  [ {' '.join(map(str, row))} ]\n" for name, row in zip(ids, matrix)))
    return [path]


def _short(row: np.ndarray) -> list[float]:
    """The shortest decimals that read back as the same float32."""
    return [float(str(value)) for value in row]


FORMATS: dict[str, Writer] = {
    ".ark": _kaldi, ".scp": _kaldi, ".npz": _npz, ".npy": _npy, ".parquet": _parquet, ".csv": _csv,
    ".jsonl": _jsonl, ".txt": _text,
}  # fmt: skip


def check_format(path: str | Path) -> None:
    """Raises InputError where no format belongs to the suffix of `path`; said before hours of work."""
    if Path(path).suffix not in FORMATS:
        raise InputError(f"{path}: no format has this suffix; the known ones are: {', '.join(FORMATS)}")


def write_as(path: str | Path, ids: Sequence[str], matrix: np.ndarray) -> list[Path]:
    """Writes embeddings [N, D] with their ids in the format of the suffix, whole or not at all; returns the files.

    Raises InputError for an unknown suffix, JobError without pyarrow.
    """
    check_format(path)
    return FORMATS[Path(path).suffix](Path(path), ids, np.ascontiguousarray(matrix, np.float32))
