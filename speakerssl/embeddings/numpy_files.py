"""numpy's npz and npy, read without running code and without believing a header that asks for too much memory."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from speakerssl.errors import InputError
from speakerssl.npz import check_ratio, read_header, texts

# What a file may unpack to. Embeddings hardly shrink when packed; ids do, by 50 and more.
SMALL, MOST_TIMES = 256 * 2**20, 100
CURE = "save them as np.savez(path, ids=np.array(ids, dtype=str), embeddings=np.stack(vectors).astype('float32'))"


def read_npz(path: Path) -> tuple[list[str], np.ndarray]:
    """Ids and vectors [N, D] of an npz with the arrays `ids` and `embeddings`, or with one vector an id.

    Ids are read as text or bytes (UTF-8). Raises InputError, which says how to save what cannot be read: objects
    (a pickle, which could run code), other arrays, arrays that would need far more memory than the file has bytes.
    """
    arrays = _load(path)
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise InputError(f"{path}: is one array, not an npz; {CURE}")
    with arrays:
        try:
            if "ids" in arrays.files and "embeddings" in arrays.files:
                return ids_of(arrays["ids"], path), numbers(arrays["embeddings"], path)
            return _one_array_an_id(arrays, path)
        except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, OverflowError) as error:
            raise _unreadable(path, error) from None


def read_array(path: Path) -> np.ndarray:
    """The numbers of an npy as float32. Raises InputError."""
    array = _load(path)
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: is an npz; name it .npz")
    return numbers(array, path)


def ids_of(array: np.ndarray, path: Path) -> list[str]:
    """Ids as text, from an array [N] of text or UTF-8 bytes. Raises InputError."""
    try:
        return texts(array)
    except UnicodeDecodeError:
        raise InputError(f"{path}: ids are bytes that are not UTF-8; {CURE}") from None
    except ValueError as error:
        raise InputError(f"{path}: ids are {error}; {CURE}") from None


def numbers(array: np.ndarray, path: Path) -> np.ndarray:
    """float32 of an array of floats or whole numbers. Raises InputError for anything else."""
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: embeddings are of type {array.dtype}, not numbers; {CURE}")
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32)


def _one_array_an_id(arrays: Mapping[str, Any], path: Path) -> tuple[list[str], np.ndarray]:
    ids = list(arrays)
    rows = [np.asarray(arrays[key]) for key in ids]
    shapes = {row.shape for row in rows}
    shape = shapes.pop() if len(shapes) == 1 else ()
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[0] != 1) or "ids" in ids or "embeddings" in ids:
        missing = next((key for key in ("ids", "embeddings") if key not in ids), "ids")
        raise InputError(f"{path}: has no array '{missing}' and not one vector an id; {CURE}")
    return ids, numbers(np.stack([row.reshape(-1) for row in rows]), path)


def _load(path: Path) -> Any:
    """np.load, after the headers have been held against the size of the file."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as packed:
                    check_ratio(sum(member.file_size for member in packed.infolist()), size, SMALL, MOST_TIMES)
                    for member in packed.infolist():
                        with packed.open(member) as stream:
                            if not _check_header(stream, member.file_size):  # np.load would give its bytes
                                raise ValueError(f"what it holds as {member.filename!r} is no array")
            else:
                file.seek(0)
                _check_header(file, size)
        return np.load(path, allow_pickle=False)
    except Exception as error:  # zipfile, pickle, ast and numpy raise a dozen kinds
        raise _unreadable(path, error) from None


def _check_header(stream: IO[bytes], size: int) -> bool:
    """Refuses an array that claims more bytes than there are; returns whether it is an array at all."""
    is_array = stream.read(len(MAGIC_PREFIX)) == MAGIC_PREFIX
    stream.seek(0)
    if is_array:
        read_header(stream, size)
    return is_array


def _unreadable(path: Path, error: BaseException) -> InputError:
    if isinstance(error, ValueError) and ("pickle" in str(error) or "Python objects" in str(error)):
        return InputError(f"{path}: holds Python objects, which are not read: they could run code; {CURE}")
    return InputError(f"{path}: cannot be read: {_line(error)}")


def _line(error: BaseException) -> str:
    return (str(error).split("\n")[0] or type(error).__name__)[:120]
