"""numpy's npz and npy files from anywhere, read in bounded memory and without running code.

An npz is a zip archive: a few megabytes of it can claim gigabytes. What its arrays would take is known from the index
of the archive and the headers of the arrays, so a file that would fill the memory is refused before it is unpacked.
"""

import io
import lzma
import math
import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import read_bytes

# What zipfile, its decompressors and numpy raise for a damaged file.
UNPACKING_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, TypeError, SyntaxError, KeyError, EOFError, OSError,
    NotImplementedError, RuntimeError, MemoryError, OverflowError, struct.error, tokenize.TokenError,
)  # fmt: skip
# Real numbers hardly compress: what unpacks to more than so many times its size does not hold them.
LARGEST_RATIO = 20
# Up to here any ratio will do: an array of zeros is no attack.
SMALL = 64 * 2**20


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file (plain or gzip) by name. Raises InputError for anything else, and for a zip bomb."""
    raw = read_bytes(path)
    with _unpacking(path), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
        check_ratio(claimed, len(raw), SMALL, LARGEST_RATIO)
        arrays = {}
        for member in archive.infolist():
            with archive.open(member) as stream:
                arrays[member.filename.removesuffix(".npy")] = _read_array(stream, member.file_size)
        return arrays


def read_npy(path: str | Path) -> np.ndarray:
    """The array of an npy file (plain or gzip). Raises InputError for anything else."""
    raw = read_bytes(path)
    with _unpacking(path):
        return _read_array(io.BytesIO(raw), len(raw))


def check_ratio(claimed: int, packed: int, small: int, ratio: int) -> None:
    """Raises ValueError where `packed` bytes unpack to more than `small` and more than `ratio` times as many."""
    if claimed > max(small, ratio * packed):
        raise ValueError(f"{packed / 2**20:.1f} MiB would unpack to {claimed / 2**20:.0f} MiB, as no real numbers do")


def read_header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it lies in columns, and type of the array that begins here, of which there are `size` bytes.

    Raises ValueError for an array that claims more than that, holds Python objects, or is none.
    """
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"an array of format {version}")
    shape, in_columns, dtype = readers[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    if min(shape, default=0) < 0 or dtype.itemsize * math.prod(shape) > size:
        raise ValueError(f"an array claims the shape {shape}, more than there is of it")
    return shape, in_columns, dtype


def texts(array: np.ndarray) -> list[str]:
    """The text of an array [N] of characters or of UTF-8 bytes.

    Raises ValueError for another array, and for numbers that are no characters: numpy reads any, Python fails later.
    """
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise ValueError(f"{array.dtype} of the shape {list(array.shape)}, not a row of text")
    if array.dtype.kind == "S":
        return [name.decode() for name in array.tolist()]
    native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    points = native.view(np.uint32) if native.nbytes else np.empty(0, np.uint32)
    if ((points > sys.maxunicode) | ((points >= 0xD800) & (points <= 0xDFFF))).any():
        raise ValueError("numbers that are no characters")
    return native.tolist()


@contextmanager
def _unpacking(path: str | Path) -> Iterator[None]:
    """Turns what a damaged file raises into InputError."""
    try:
        yield
    except UNPACKING_ERRORS as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: is no whole numpy file: {reason[:160]}") from None


def _read_array(stream: IO[bytes], size: int) -> np.ndarray:
    """One array out of the `size` bytes that there are of it, header included."""
    shape, in_columns, dtype = read_header(stream, size)
    claimed = dtype.itemsize * math.prod(shape)
    data = stream.read(claimed)
    if len(data) != claimed:
        raise ValueError("it ends early")
    array = np.frombuffer(data, dtype).copy() if claimed else np.empty(0, dtype)
    return array.reshape(shape, order="F" if in_columns else "C")
