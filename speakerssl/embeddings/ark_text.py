"""Text archives of vectors: `id  [ 1 2 3 ]`, as Kaldi's `ark,t:` writes them."""

from pathlib import Path

import numpy as np

from speakerssl.errors import InputError

BOM = b"\xef\xbb\xbf"


def read_text_ark(raw: bytes, ark: str | Path) -> tuple[list[str], np.ndarray]:
    """Ids and vectors [N, D] of a text archive: a vector `id [ 1 2 ]`, or a matrix of one row over two lines."""
    pieces = decode(raw, ark).split("]")
    if pieces.pop().strip():
        raise InputError(f"{ark}: the last vector has no closing bracket (truncated); extract it again")
    names: list[str] = []
    rows: list[np.ndarray] = []
    for piece in pieces:
        name, bracket, numbers = piece.strip().partition("[")
        name = name.strip()
        if not bracket or not name or len(name.split()) != 1:
            raise InputError(f"{ark}: not an archive of vectors: expected 'id [ numbers ]' near {piece[:40].strip()!r}")
        row = text_vector(numbers.encode(), f"{ark}: '{name}'")
        if rows and len(row) != len(rows[0]):
            raise InputError(
                f"{ark}: '{name}' has {len(row)} numbers, '{names[0]}' {len(rows[0])}; embeddings must have one size"
            )
        names.append(name)
        rows.append(row)
    if not rows:
        raise InputError(f"{ark}: holds no vectors")
    return names, np.stack(rows)


def text_vector(numbers: bytes, where: str) -> np.ndarray:
    """The numbers of one vector, brackets or none, as float32 [D]. Raises InputError that begins with `where`."""
    try:
        return np.array(numbers.strip(b"[] \t\r\n").split(), np.float32)
    except (ValueError, OverflowError):
        raise InputError(f"{where} holds something that is not a number") from None


def decode(raw: bytes, path: str | Path) -> str:
    """UTF-8 text of `raw`, with or without a byte order mark; InputError naming `path` where it is not."""
    try:
        return raw.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text near byte {error.start}") from None
