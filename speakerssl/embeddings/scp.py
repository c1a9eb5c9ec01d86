"""Kaldi's scp files: `<id> <archive>:<offset>` lines, the archives read once and cut by their offsets."""

from pathlib import Path

import numpy as np

from speakerssl.embeddings.ark import gather_vectors
from speakerssl.embeddings.ark_text import decode
from speakerssl.errors import InputError
from speakerssl.io import open_binary, read_bytes


def read_scp(path: Path) -> tuple[list[str], np.ndarray]:
    """Ids and vectors [N, D] of the entries of an scp, each archive read once. Raises InputError with file and line."""
    raw = read_bytes(path)
    tokens = raw.split()
    lines = raw.count(b"\n") + (not raw.endswith(b"\n"))
    if len(tokens) != 2 * lines or raw.count(b"|"):
        tokens = _careful_scp_tokens(raw, path)
    if not tokens:
        raise InputError(f"{path}: is empty")
    ids = decode(b"\n".join(tokens[::2]), path).split("\n")
    # A place without an offset is a file that holds one vector.
    parts = [
        token.rpartition(b":") if token[-1:].isdigit() and b":" in token else (token, b":", b"0")
        for token in tokens[1::2]
    ]
    arks = [part[0] for part in parts]
    try:
        offsets = np.fromiter(map(int, [part[2] for part in parts]), np.int64, len(parts))
    except ValueError:
        row = next(i for i, part in enumerate(parts) if not part[2].isdigit())
        raise InputError(f"{path}, line {row + 1}: expected 'id archive.ark:offset'") from None
    names = list(dict.fromkeys(arks))
    if len(names) == 1:
        return ids, _gather_ark(path, names[0], offsets, ids)
    number = dict(zip(names, range(len(names))))
    which = np.fromiter(map(number.__getitem__, arks), np.int64, len(arks))
    rows = [np.flatnonzero(which == i) for i in range(len(names))]
    blocks = [_gather_ark(path, name, offsets[row], [ids[i] for i in row]) for name, row in zip(names, rows)]
    sizes = [block.shape[1] for block in blocks]
    other = next((i for i, size in enumerate(sizes) if size != sizes[0]), None)
    if other is not None:
        raise InputError(
            f"{path}: '{ids[rows[other][0]]}' has {sizes[other]} numbers, '{ids[rows[0][0]]}' has {sizes[0]}; "
            "embeddings must have one size"
        )
    matrix = np.empty((len(ids), sizes[0]), np.float32)
    for members, block in zip(rows, blocks):
        matrix[members] = block
    return ids, matrix


def _careful_scp_tokens(raw: bytes, path: Path) -> list[bytes]:
    """Ids and archive places, one line after the other; blank lines are allowed, anything else is named."""
    tokens: list[bytes] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        if line.rstrip().endswith(b"|"):
            raise InputError(f"{path}, line {number}: a command, which is not run; copy the vectors to an ark first")
        fields = line.split()
        if len(fields) != 2:
            raise InputError(f"{path}, line {number}: expected 'id archive.ark:offset', found {len(fields)} fields")
        tokens += fields
    return tokens


def _gather_ark(scp: Path, name: bytes, offsets: np.ndarray, ids: list[str]) -> np.ndarray:
    ark = Path(decode(name, scp))
    candidates = [ark, scp.parent / ark, scp.parent / ark.name]
    found = next((place for place in candidates if place.is_file()), None)
    if found is None:
        raise InputError(f"{scp}: the archive '{ark}' of '{ids[0]}' is not there, nor beside the scp")
    return gather_vectors(file_bytes(found), offsets, ids, found)


def file_bytes(path: Path) -> np.ndarray:
    """The bytes of a plain or gzip file as uint8."""
    with open_binary(path) as stream:
        if stream.__class__.__name__ == "GzipFile":
            return np.frombuffer(read_bytes(path), np.uint8)
    return np.fromfile(path, np.uint8)
