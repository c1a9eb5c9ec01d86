"""Kaldi's scp files: `<id> <archive>:<offset>` lines, the archives read once and cut by their offsets.

Only the first field ends at a space: a path may hold some. Without an offset a place is a file of one vector, a npy, or
an archive in which the id is looked up.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speakerssl.embeddings.ark import gather_vectors, scan_ark
from speakerssl.embeddings.ark_text import BOM, decode
from speakerssl.embeddings.numpy_files import read_array
from speakerssl.errors import InputError
from speakerssl.io import is_gzip, read_bytes

MAX_DIGITS = 18  # of an offset: more do not fit 64 bits


def read_scp(path: Path) -> tuple[list[str], np.ndarray]:
    """Ids and vectors [N, D] of the entries of an scp, each archive read once. Raises InputError with file and line."""
    raw = read_bytes(path).removeprefix(BOM)
    tokens = raw.split()
    lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
    if len(tokens) != 2 * lines or raw.count(b"|"):
        tokens = _careful_scp_tokens(raw, path)
    if not tokens:
        raise InputError(f"{path}: is empty")
    ids = decode(b"\n".join(tokens[::2]), path).split("\n")
    places = tokens[1::2]
    offsets = _offsets_in_one(places)
    if offsets is not None:
        ark = _locate(path, places[0].rpartition(b":")[0], ids[0])
        return ids, gather_vectors(file_bytes(ark), offsets, ids, ark)
    return ids, _gather_from_many(path, ids, places)


def _gather_from_many(path: Path, ids: Sequence[str], places: Sequence[bytes]) -> np.ndarray:
    """[N, D] where the vectors lie in several files, each of which is read once."""
    rows_of: dict[bytes, list[int]] = {}
    offsets = np.full(len(places), -1, np.int64)
    for row, place in enumerate(places):
        name, _, offset = place.rpartition(b":")
        if name and offset.isdigit() and len(offset) <= MAX_DIGITS:
            offsets[row] = int(offset)
        else:
            name = place
        rows_of.setdefault(name, []).append(row)
    files = {name: _locate(path, name, ids[rows[0]]) for name, rows in rows_of.items()}
    matrix: np.ndarray | None = None
    for name, rows in rows_of.items():
        members = [ids[row] for row in rows]
        block = _read_file(files[name], offsets[rows], members)
        if matrix is None:
            matrix = np.empty((len(ids), block.shape[1]), np.float32)
        if block.shape[1] != matrix.shape[1]:
            raise InputError(
                f"{path}: '{members[0]}' has {block.shape[1]} numbers, '{ids[0]}' has {matrix.shape[1]}; "
                "embeddings must have one size"
            )
        matrix[rows] = block
    assert matrix is not None
    return matrix


def _read_file(file: Path, offsets: np.ndarray, members: Sequence[str]) -> np.ndarray:
    """The vectors [n, D] of `members` at `offsets` (-1: none is given) in one file."""
    if file.suffix == ".npy":
        vector = np.atleast_2d(read_array(file))
        if vector.ndim != 2 or vector.shape[0] != 1:
            raise InputError(f"{file}: '{members[0]}' has the shape {list(vector.shape)}; a vector is expected")
        return np.repeat(vector, len(members), axis=0)
    data = file_bytes(file)
    bare = offsets < 0
    if not bare.any():
        return gather_vectors(data, offsets, members, file)
    head = data[:64].tobytes()
    if head[:2] == b"\0B" or head.lstrip()[:1] == b"[":
        return gather_vectors(data, np.where(bare, 0, offsets), members, file)
    ids, matrix = scan_ark(data, file)
    row_of = dict(zip(ids, range(len(ids))))
    missing = next((name for name in members if name not in row_of), None)
    if missing is not None:
        raise InputError(f"{file}: holds no vector '{missing}', and its scp gives no offset")
    return matrix[[row_of[name] for name in members]]


def _offsets_in_one(places: list[bytes]) -> np.ndarray | None:
    """The offsets where all places lie in one archive, without a Python step a line; None where they do not."""
    prefix = b"".join(places[0].rpartition(b":")[:2])
    text = b" " + b" ".join(places)
    if not prefix or b" " in prefix or text.count(b" " + prefix) != len(places):
        return None
    numbers = text.replace(b" " + prefix, b" ")
    if numbers.translate(None, b"0123456789 ") or numbers.count(b"  ") or numbers.endswith(b" "):
        return None
    array = np.array(numbers.split(), dtype="S")
    return array.astype(np.int64) if len(array) == len(places) and array.dtype.itemsize <= MAX_DIGITS else None


def _careful_scp_tokens(raw: bytes, path: Path) -> list[bytes]:
    """Ids and archive places, one line after the other; blank lines are allowed, anything else is named."""
    tokens: list[bytes] = []
    for number, line in enumerate(raw.splitlines(), 1):
        fields = line.split(maxsplit=1)
        if not fields:
            continue
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: expected 'id archive.ark:offset', found one field")
        place = fields[1].rstrip()
        if place.endswith(b"|"):
            raise InputError(f"{path}:{number}: a command, which is not run; copy the vectors to an ark first")
        tokens += [fields[0], place]
    return tokens


def _locate(scp: Path, name: bytes, first: str) -> Path:
    """The archive `name` of `scp`; `first` is the first id that lies in it. Raises InputError where it is nowhere."""
    ark = Path(decode(name, scp))
    for place in (ark, scp.parent / ark, scp.parent / ark.name):
        try:
            if place.is_file():
                return place
        except OSError:  # a name that no file can have
            continue
    shown = repr(str(ark)[:120])
    raise InputError(f"{scp}: the archive {shown} of '{first[:60]}' is not there, nor beside the scp")


def file_bytes(path: Path) -> np.ndarray:
    """The bytes of a file as uint8: un-gzipped, or mapped and read only where they are used."""
    if is_gzip(path):
        return np.frombuffer(read_bytes(path), np.uint8)
    return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
