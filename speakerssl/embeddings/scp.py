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
    places = tokens[1::2]
    offsets = _offsets_in_one(places)
    if offsets is not None:
        ark = _locate(path, places[0].rpartition(b":")[0], ids[0])
        return ids, gather_vectors(file_bytes(ark), offsets, ids, ark)
    # A place without an offset is a file that holds one vector.
    parts = [
        place.rpartition(b":") if place[-1:].isdigit() and b":" in place else (place, b":", b"0") for place in places
    ]
    arks = [part[0] for part in parts]
    try:
        offsets = np.fromiter(map(int, [part[2] for part in parts]), np.int64, len(parts))
    except ValueError:
        bad = next(i for i, part in enumerate(parts) if not part[2].isdigit())
        raise InputError(f"{path}:{bad + 1}: expected 'id archive.ark:offset'") from None
    names = list(dict.fromkeys(arks))
    number = dict(zip(names, range(len(names))))
    which = np.fromiter(map(number.__getitem__, arks), np.int64, len(arks))
    rows = [np.flatnonzero(which == i) for i in range(len(names))]
    members = [[ids[i] for i in row] for row in rows]
    found = [_locate(path, name, member[0]) for name, member in zip(names, members)]
    blocks = [
        gather_vectors(file_bytes(ark), offsets[row], member, ark) for ark, row, member in zip(found, rows, members)
    ]
    sizes = [block.shape[1] for block in blocks]
    other = next((i for i, size in enumerate(sizes) if size != sizes[0]), None)
    if other is not None:
        raise InputError(
            f"{path}: '{ids[rows[other][0]]}' has {sizes[other]} numbers, '{ids[rows[0][0]]}' has {sizes[0]}; "
            "embeddings must have one size"
        )
    matrix = np.empty((len(ids), sizes[0]), np.float32)
    for row, block in zip(rows, blocks):
        matrix[row] = block
    return ids, matrix


def _offsets_in_one(places: list[bytes]) -> np.ndarray | None:
    """The offsets where all places lie in one archive, without a Python step a line; None where they do not."""
    prefix = b"".join(places[0].rpartition(b":")[:2])
    text = b" " + b" ".join(places)
    if not prefix or text.count(b" " + prefix) != len(places):
        return None
    numbers = text.replace(b" " + prefix, b" ")
    if numbers.translate(None, b"0123456789 ") or numbers.count(b"  "):
        return None
    return np.array(numbers.split(), dtype="S").astype(np.int64)


def _careful_scp_tokens(raw: bytes, path: Path) -> list[bytes]:
    """Ids and archive places, one line after the other; blank lines are allowed, anything else is named."""
    tokens: list[bytes] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        if line.rstrip().endswith(b"|"):
            raise InputError(f"{path}:{number}: a command, which is not run; copy the vectors to an ark first")
        fields = line.split()
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: expected 'id archive.ark:offset', found {len(fields)} fields")
        tokens += fields
    return tokens


def _locate(scp: Path, name: bytes, first: str) -> Path:
    """The archive `name` of `scp`; `first` is the first id that lies in it. Raises InputError where it is nowhere."""
    ark = Path(decode(name, scp))
    found = next((place for place in (ark, scp.parent / ark, scp.parent / ark.name) if place.is_file()), None)
    if found is None:
        raise InputError(f"{scp}: the archive '{ark}' of '{first}' is not there, nor beside the scp")
    return found


def file_bytes(path: Path) -> np.ndarray:
    """The bytes of a file as uint8: un-gzipped, or mapped and read only where they are used."""
    with open_binary(path) as stream:
        if stream.__class__.__name__ == "GzipFile":
            return np.frombuffer(read_bytes(path), np.uint8)
    return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
