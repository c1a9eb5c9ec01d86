"""Kaldi archives of vectors: the bytes of `.ark` and the lines of `.scp`, read without a Python loop a number.

Binary entries are `<id> \\0B` and then `FV `/`DV ` (vector) or `FM `/`DM ` (matrix, here of one row), each size
written as a byte 4 and an int32; text entries are `<id>  [ 1 2 3 ]`. An scp line is `<id> <ark>:<offset of \\0B>`.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speakerssl.embeddings.ark_text import decode, read_text_ark, text_vector
from speakerssl.errors import InputError

# token: (bytes before the numbers, number format)
_KINDS: dict[bytes, tuple[int, str]] = {
    b"FV ": (10, "<f4"),
    b"DV ": (10, "<f8"),
    b"FM ": (15, "<f4"),
    b"DM ": (15, "<f8"),
}


class Entry(NamedTuple):
    """One binary entry: where its numbers begin, how many, and their format."""

    start: int
    size: int
    dtype: str
    end: int


def binary_entry(data: memoryview | bytes, offset: int, where: str) -> Entry:
    """Reads the header at `offset` (the position of `\\0B`). Raises InputError that begins with `where`."""
    head = bytes(data[offset : offset + 15])
    kind = _KINDS.get(head[2:5])
    if head[:2] != b"\0B" or kind is None:
        if head[2:4] == b"CM":
            raise InputError(f"{where}: a compressed matrix; write embeddings uncompressed (copy-vector)")
        raise InputError(f"{where}: no Kaldi vector at byte {offset}; the archive and its scp do not belong together")
    length, dtype = kind
    if len(head) < length:
        raise InputError(f"{where}: the archive ends inside this vector (truncated); extract it again")
    if head[5] != 4 or (length == 15 and head[10] != 4):
        raise InputError(f"{where}: its size is not written in 4 bytes, as Kaldi does; the archive is damaged")
    if length == 15:
        rows, size = struct.unpack("<xixi", head[5:15])
        if rows != 1:
            raise InputError(f"{where}: a matrix of {rows} rows; an embedding is a vector or a matrix of one row")
    else:
        (size,) = struct.unpack("<xi", head[5:10])
    end = offset + length + size * int(dtype[-1])
    if size < 0 or end > len(data):
        raise InputError(f"{where}: the archive ends inside this vector (truncated); extract it again")
    return Entry(offset + length, size, dtype, end)


def gather_vectors(data: np.ndarray, offsets: np.ndarray, names: Sequence[str], ark: str | Path) -> np.ndarray:
    """The vectors at `offsets` (positions of `\\0B`) of the archive bytes `data` (uint8), as float32 [N, D].

    All headers are compared with the first one at once, so N vectors cost one gather. Raises InputError naming `ark`
    and the id for another size, a truncated archive or an offset with no vector.
    """
    begin = int(offsets[0])
    if data[begin : begin + 2].tobytes() != b"\0B":
        return _gather_mixed(data, offsets, names, ark, len(vector_at(data, begin, f"{ark}: '{names[0]}'")))
    first = binary_entry(data.data, begin, f"{ark}: '{names[0]}'")
    header, width = first.start - begin, first.size * int(first.dtype[-1])
    inside = (offsets >= 0) & (offsets <= len(data) - header)
    heads = _windows(data, header)[np.where(inside, offsets, 0)]
    good = inside & (heads == heads[0]) & (offsets <= len(data) - header - width)
    if not good.all():
        return _gather_mixed(data, offsets, names, ark, first.size)
    if width == 0:
        return np.empty((len(offsets), 0), np.float32)
    numbers = _windows(data, width)[offsets + header]
    return numbers.view(first.dtype).reshape(len(offsets), first.size).astype(np.float32, copy=False)


def _windows(data: np.ndarray, width: int) -> np.ndarray:
    """Every run of `width` bytes of `data` as one opaque item; indexing copies items with memcpy, aligned or not."""
    return np.ndarray(max(len(data) - width + 1, 0), dtype=f"V{width}", buffer=data, strides=(1,))


def _gather_mixed(
    data: np.ndarray, offsets: np.ndarray, names: Sequence[str], ark: str | Path, size: int
) -> np.ndarray:
    """The slow path of `gather_vectors`: entries of several kinds, or the error of the first bad one."""
    matrix = np.empty((len(offsets), size), np.float32)
    for row, (offset, name) in enumerate(zip(offsets.tolist(), names)):
        vector = vector_at(data, offset, f"{ark}: '{name}'")
        if len(vector) != size:
            raise InputError(
                f"{ark}: '{name}' has {len(vector)} numbers, '{names[0]}' has {size}; embeddings must have one size"
            )
        matrix[row] = vector
    return matrix


def vector_at(data: np.ndarray, offset: int, where: str) -> np.ndarray:
    """One vector, binary or text, at `offset` of the archive bytes. Raises InputError that begins with `where`."""
    head = data[offset : offset + 64].tobytes() if offset >= 0 else b""
    if head[:2] != b"\0B" and head.lstrip()[:1] == b"[":
        return text_vector(_until_bracket(data, offset, where), where)
    entry = binary_entry(data.data, offset, where)
    return np.frombuffer(data, entry.dtype, entry.size, entry.start)


def _until_bracket(data: np.ndarray, offset: int, where: str) -> bytes:
    """The bytes of a text vector up to its closing bracket."""
    size = 4096
    while True:
        text, bracket, _ = data[offset : offset + size].tobytes().partition(b"]")
        if bracket:
            return text
        if offset + size >= len(data):
            raise InputError(f"{where}: has no closing bracket (truncated); extract it again")
        size *= 4


def scan_ark(data: np.ndarray, ark: str | Path) -> tuple[list[str], np.ndarray]:
    """Ids and vectors [N, D] of a whole archive, binary or text, without its scp."""
    raw = data.tobytes()
    gap = raw.find(b" ")
    if raw[:2] == b"\0B":
        raise InputError(f"{ark}: one vector without an id; name it in an scp: 'id {ark}'")
    if raw[gap + 1 : gap + 3] != b"\0B":
        return read_text_ark(raw, ark)
    names: list[str] = []
    offsets: list[int] = []
    position = 0
    while position < len(raw):
        gap = raw.find(b" ", position)
        if gap < 0:
            after = f"after '{names[-1]}' with half an entry" if names else "before its first vector"
            raise InputError(f"{ark}: the archive ends {after} (truncated)")
        name = decode(raw[position : min(gap, position + 4096)], ark)
        if len(name.split()) != 1 or name != name.strip():
            raise InputError(f"{ark}: no id, but {name[:40]!r}, at byte {position}; the archive is damaged")
        names.append(name)
        offsets.append(gap + 1)
        position = binary_entry(raw, gap + 1, f"{ark}: '{names[-1]}'").end
    return names, gather_vectors(data, np.array(offsets), names, ark)


def ark_bytes(names: Sequence[str], matrix: np.ndarray) -> tuple[bytes, np.ndarray]:
    """A binary archive of float vectors and the offset of each, as Kaldi's copy-vector writes them."""
    matrix = np.ascontiguousarray(matrix, "<f4")
    size = matrix.shape[1]
    header = b" \0BFV \x04" + struct.pack("<i", size)
    keys = [name.encode() for name in names]
    rows = matrix.view(f"V{4 * size}").ravel().tolist() if size else [b""] * len(keys)
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    starts = np.concatenate([[0], np.cumsum(lengths + len(header) + 4 * size)[:-1]]) if keys else lengths
    return b"".join([part for key, row in zip(keys, rows) for part in (key, header, row)]), starts + lengths + 1
