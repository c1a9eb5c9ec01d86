"""Embeddings on disk: Kaldi's ark/scp and numpy's npz, read whole and written whole. No torch.

`read_embeddings` takes `.scp`, `.ark`, `.npz` (arrays `ids` and `embeddings`) or `.npy` (its ids, one a line, in a
file of the same name ending in `.ids` or `.txt`); `write_embeddings` writes ark, scp and npz side by side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speakerssl.embeddings.ark import ark_bytes, scan_ark, vector_at
from speakerssl.embeddings.ark_text import decode
from speakerssl.embeddings.numpy_files import CURE, read_array, read_npz
from speakerssl.embeddings.scp import file_bytes, read_scp
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, read_bytes

if TYPE_CHECKING:
    from speakerssl.embeddings.lookup import IdTable

# From this many ids on, a hash table over bytes beats a dictionary of strings.
MANY = 20_000


@dataclass
class Embeddings:
    """One vector an id: `matrix` is float32 [N, D], row i belongs to `ids[i]`; `path` is where they came from."""

    ids: list[str]
    matrix: np.ndarray
    path: str = ""
    _rows: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _table: "IdTable | None" = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dim(self) -> int:
        """D, the numbers in one embedding."""
        return int(self.matrix.shape[1])

    @property
    def rows(self) -> dict[str, int]:
        """The row of each id (made on first use)."""
        if len(self._rows) != len(self.ids):
            self._rows = dict(zip(self.ids, range(len(self.ids))))
        return self._rows

    def index(self, ids: Iterable[str]) -> np.ndarray:
        """Rows of `ids` as int64 [len(ids)]. Raises InputError naming the first unknown id and their number."""
        wanted = ids if isinstance(ids, list) else list(ids)
        if len(wanted) < MANY:
            rows = np.fromiter(map(self.rows.get, wanted, [-1] * len(wanted)), np.int64, len(wanted))
        else:
            rows = self._lookup().find(wanted)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise InputError(f"{self.path or 'embeddings'}: no embedding for '{wanted[missing[0]]}'{more}")
        return rows

    def _lookup(self) -> "IdTable":
        # Imported only where it pays: numba takes a third of a second to load.
        from speakerssl.embeddings.lookup import IdTable

        if self._table is None:
            self._table = IdTable(self.ids)
        return self._table

    def select(self, ids: Sequence[str]) -> "Embeddings":
        """The embeddings of `ids` in their order. Raises InputError for an unknown id."""
        return Embeddings(list(ids), self.matrix[self.index(ids)], self.path)


def read_embeddings(path: str | Path) -> Embeddings:
    """Reads embeddings of any toolkit that writes Kaldi or numpy files.

    Paths inside an scp count from the working directory as in Kaldi, or else from the folder of the scp.
    Raises InputError naming the file and the id or line: missing or truncated archive, vectors of two sizes, a number
    that is not finite, an id that stands twice, an empty file.
    """
    suffix = Path(path).suffix
    reader = {".scp": read_scp, ".ark": _read_ark, ".npz": read_npz, ".npy": _read_npy}.get(suffix)
    if reader is None:
        cure = f"; {CURE}" if suffix in (".pkl", ".pickle", ".pt", ".pth", ".joblib") else ""
        raise InputError(f"{path}: embeddings are read from .scp, .ark, .npz or .npy files, not '{suffix}'{cure}")
    ids, matrix = reader(Path(path))
    _check(path, ids, matrix)
    return Embeddings(ids, matrix, str(path))


def write_embeddings(
    directory: str | Path, ids: Sequence[str], matrix: np.ndarray, stem: str = "xvector"
) -> dict[str, Path]:
    """Writes `<directory>/<stem>.{ark,scp,npz}`, each whole or not at all; returns the path of each by its suffix.

    `matrix` is [N, D] and is stored as float32. Raises InputError for what `read_embeddings` would refuse.
    """
    ids, matrix = list(ids), np.ascontiguousarray(matrix, np.float32)
    paths = {suffix: Path(directory) / f"{stem}.{suffix}" for suffix in ("ark", "npz", "scp")}
    _check(paths["ark"], ids, matrix)
    spaced = next((name for name in ids if len(name.split()) != 1), None)
    if spaced is not None:
        raise InputError(f"{paths['ark']}: the id '{spaced}' is empty or holds white space, which no Kaldi file can")
    place = str(paths["ark"])
    if len(place.splitlines()) != 1:
        raise InputError(f"{place!r}: a line break in its name would break the scp; choose another folder")
    place = f"./{place}" if place[:1].isspace() else place
    content, offsets = ark_bytes(ids, matrix)
    with atomic_path(paths["ark"]) as temporary:
        temporary.write_bytes(content)
    with atomic_path(paths["npz"]) as temporary:
        np.savez(temporary, ids=np.array(ids, dtype=np.str_), embeddings=matrix)
    with atomic_path(paths["scp"]) as temporary:
        lines = [f"{name} {place}:{offset}\n" for name, offset in zip(ids, offsets.tolist())]
        temporary.write_text("".join(lines), encoding="utf-8")
    return paths


def read_vector(path: str | Path) -> np.ndarray:
    """One vector as float32 [D], such as a mean: `.npy`, or Kaldi's (binary or text). Raises InputError."""
    path = Path(path)
    if path.suffix == ".npy":
        vector = read_array(path)
    else:
        data = file_bytes(path)
        vector = vector_at(data, 0, str(path)) if len(data) else np.empty(0, np.float32)
    if vector.ndim != 1 or vector.size == 0 or not np.isfinite(vector).all():
        raise InputError(f"{path}: expected one vector of finite numbers, found shape {vector.shape}")
    return vector.astype(np.float32)


def _check(path: str | Path, ids: list[str], matrix: np.ndarray) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != len(ids):
        raise InputError(f"{path}: {len(ids)} ids and an array of shape {matrix.shape}; expected [ids, numbers]")
    if matrix.size == 0:
        raise InputError(f"{path}: holds no embeddings")
    # One product finds any NaN or infinity in a pass; only then is it worth looking for the row.
    with np.errstate(all="ignore"):
        suspicious = not np.isfinite(matrix @ np.ones(matrix.shape[1], matrix.dtype)).all()
    if suspicious:
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
        if len(bad):
            raise InputError(f"{path}: the embedding of '{ids[bad[0]]}' holds NaN or infinity ({len(bad)} such)")
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = next(name for name in ids if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InputError(f"{path}: the id '{twice}' stands twice")


def _read_ark(path: Path) -> tuple[list[str], np.ndarray]:
    data = file_bytes(path)
    if not len(data):
        raise InputError(f"{path}: is empty")
    return scan_ark(data, path)


def _read_npy(path: Path) -> tuple[list[str], np.ndarray]:
    matrix = read_array(path)
    names = next((p for p in (path.with_suffix(".ids"), path.with_suffix(".txt")) if p.is_file()), None)
    if names is None:
        raise InputError(f"{path}: its ids, one a line, are expected in {path.with_suffix('.ids')}")
    return decode(read_bytes(names), names).split(), matrix
