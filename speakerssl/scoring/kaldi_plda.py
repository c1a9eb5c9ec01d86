"""Reads and writes Kaldi's `plda` files, binary and text: <Plda> mean transform psi </Plda>."""

import io
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import atomic_path, read_bytes
from speakerssl.scoring.plda import Plda

TYPES: dict[bytes, np.dtype[Any]] = {
    kind + shape: np.dtype(code) for kind, code in ((b"F", "<f4"), (b"D", "<f8")) for shape in (b"V", b"M")
}


def is_kaldi_plda(content: bytes) -> bool:
    """Whether `content` starts as a Kaldi plda file."""
    return content[:2] == b"\0B" or content.lstrip()[:6] == b"<Plda>"


def read_kaldi_plda(path: str | Path) -> Plda:
    """The model in a Kaldi plda file, plain or gzip. Raises InputError if it is none, or cut short."""
    content = read_bytes(path)
    try:
        if content[:2] == b"\0B":
            arrays = _binary(io.BytesIO(content[2:]))
        else:
            arrays = _text(content.decode("ascii"))
        mean, transform, psi = arrays
        if mean.ndim != 1 or transform.shape != (len(mean), len(mean)) or psi.shape != mean.shape:
            raise ValueError(f"sizes {mean.shape}, {transform.shape} and {psi.shape} do not fit together")
    except (ValueError, struct.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a whole Kaldi plda file: {error}") from None
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(f"{path}: the PLDA holds NaN or infinite numbers")
    return Plda(mean, transform, psi)


def write_kaldi_plda(path: str | Path, plda: Plda, text: bool = False) -> None:
    """Writes `plda` as Kaldi's `ivector-compute-plda` does (doubles), in binary or as `text`."""
    arrays = [np.asarray(array, "<f8") for array in (plda.mean, plda.transform, plda.psi)]
    with atomic_path(path) as temporary:
        if text:
            body = "".join(_text_of(array) for array in arrays)
            temporary.write_text(f"<Plda> {body}</Plda> ", encoding="ascii")
        else:
            temporary.write_bytes(b"\0B<Plda> " + b"".join(map(_binary_of, arrays)) + b"</Plda> ")


def _binary(stream: io.BytesIO) -> list[np.ndarray]:
    _expect(stream, b"<Plda> ")
    arrays = []
    for _ in range(3):
        kind = stream.read(3).rstrip(b" ")
        if kind not in TYPES:
            raise ValueError(f"found {kind!r} where a vector or matrix starts")
        shape = tuple(_integer(stream) for _ in range(1 if kind.endswith(b"V") else 2))
        size = math.prod(shape) * TYPES[kind].itemsize
        if size > len(stream.getbuffer()) - stream.tell():
            raise ValueError("it ends early")
        data = stream.read(size)
        arrays.append(np.frombuffer(data, TYPES[kind]).reshape(shape).astype(np.float64))
    _expect(stream, b"</Plda>")
    return arrays


def _expect(stream: io.BytesIO, token: bytes) -> None:
    found = stream.read(len(token))
    if found != token:
        raise ValueError(f"found {found!r} where {token.decode().strip()} belongs")


def _integer(stream: io.BytesIO) -> int:
    size, value = struct.unpack("<bi", stream.read(5))
    if size != 4 or value < 0:
        raise ValueError("a size is not a 4-byte integer")
    return int(value)


def _text(content: str) -> list[np.ndarray]:
    content = content.strip()
    if not (content.startswith("<Plda>") and content.endswith("</Plda>")):
        raise ValueError("it does not run from <Plda> to </Plda>")
    parts = content[len("<Plda>") : -len("</Plda>")].split("[")
    if len(parts) != 4 or any(part.count("]") != 1 or part.split("]")[1].strip() for part in parts[1:]):
        raise ValueError("it does not hold three bracketed arrays")
    rows = [
        [[float(word) for word in line.split()] for line in part.split("]")[0].splitlines() if line.strip()]
        for part in parts[1:]
    ]
    mean, transform, psi = rows
    return [np.hstack(mean), np.array(transform, np.float64), np.hstack(psi)]


def _binary_of(array: np.ndarray) -> bytes:
    sizes = b"".join(struct.pack("<bi", 4, size) for size in array.shape)
    return (b"DV " if array.ndim == 1 else b"DM ") + sizes + np.ascontiguousarray(array).tobytes()


def _text_of(array: np.ndarray) -> str:
    if array.ndim == 1:
        return " [ " + " ".join(repr(float(value)) for value in array) + " ]\n"
    rows = "\n  ".join(" ".join(repr(float(value)) for value in row) for row in array)
    return f" [\n  {rows} ]\n"
