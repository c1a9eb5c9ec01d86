"""Files and progress, the same way everywhere: nothing half-written, plain or gzip, a bar over two seconds."""

import gzip
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

from speakerssl.errors import InputError

T = TypeVar("T")
GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that is renamed to it on success and removed on any failure.

    The temporary name keeps the suffix of `path`, since writers such as `numpy.save` choose by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}", dir=path.parent)
    os.close(handle)
    os.chmod(name, 0o666 & ~_umask())
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` (UTF-8) to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def open_binary(path: str | Path) -> IO[bytes]:
    """Opens `path` for reading, un-gzipped where its first bytes say gzip. Raises InputError if it cannot be read."""
    try:
        stream = open(path, "rb")  # noqa: SIM115 - handed to the caller
        head = stream.read(2)
        stream.seek(0)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return gzip.open(stream) if head == GZIP_MAGIC else stream  # type: ignore[return-value]


def read_bytes(path: str | Path) -> bytes:
    """The whole content of a plain or gzip file. Raises InputError, also for a truncated gzip."""
    try:
        raw = Path(path).read_bytes()
        return gzip.decompress(raw) if raw[:2] == GZIP_MAGIC else raw
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: damaged gzip: {error}") from None


def progress(items: Iterable[T], total: int | None = None, description: str = "", quiet: bool = False) -> Iterator[T]:
    """Yields `items` under a progress bar on standard error (a terminal only; logs stay clean)."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=description, total=total, console=Console(stderr=True), transient=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
