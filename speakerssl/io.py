"""Files and progress, the same way everywhere: nothing half-written, plain or gzip, a bar over two seconds.

`reading` and `writing` are the one place that turns what the system says (no such file, no space, no memory)
into the declared errors with the file's name.
"""

import errno
import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from speakerssl.errors import InputError, OutputError, SpeakerSSLError

T = TypeVar("T")
GZIP_MAGIC = b"\x1f\x8b"
_UNPACKED_AT_LEAST = 256 << 20  # bytes that a gzip file may always unpack to
_UNPACKED_RATIO = 200  # and beyond them: lists shrink by 5 to 30, only made-up content by more
_NO_SPACE = os.strerror(errno.ENOSPC)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@contextmanager
def reading(name: object, error_type: type[SpeakerSSLError] = InputError) -> Iterator[None]:
    """Whatever the system refuses inside the block becomes an `error_type` that begins with `name`."""
    try:
        yield
    except SpeakerSSLError:
        raise
    except MemoryError:
        raise error_type(f"{name}: needs more memory than there is") from None
    except OSError as error:
        raise error_type(f"{name}: cannot be read: {system_reason(error)}") from None
    except ValueError as error:
        if "null" not in str(error):
            raise
        raise error_type(f"{name}: cannot be read: the name holds a NUL character") from None


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Whatever the system refuses inside the block becomes an OutputError that names `path`.

    An OSError about another file, read to make this one, becomes an InputError that names that file.
    """
    path = Path(path)
    try:
        yield
    except (SpeakerSSLError, BrokenPipeError):
        raise
    except MemoryError:
        raise OutputError(f"{path}: cannot be written: not enough memory") from None
    except OSError as error:
        if error.filename is not None and not _belongs_to(error.filename, path):
            raise InputError(f"{error.filename}: {system_reason(error)}") from None
        reason = _NO_SPACE if error.errno is None and _disk_is_full(path) else system_reason(error)
        raise OutputError(f"{path}: cannot be written: {reason}") from None
    except UnicodeEncodeError as error:
        around = error.object[max(0, error.start - 40) : error.end + 20]
        raise OutputError(f"{path}: cannot be written: '{around}' is not UTF-8") from None
    except Exception:  # the writers of torch and libsndfile have words of their own for a full disk
        if not _disk_is_full(path):
            raise
        raise OutputError(f"{path}: cannot be written: {_NO_SPACE}") from None


def system_reason(error: BaseException) -> str:
    """What the system said, without numbers and names: `No such file or directory`."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__).strip().rstrip(".")


def refuse_dash(path: str | Path) -> None:
    """Raises InputError where an output is called `-`: no verb writes its files to standard output."""
    if Path(path).parts[:1] == ("-",):
        raise InputError(f"--output {path}: cannot be standard output; give the name of a file or folder")


def check_folder(path: str | Path) -> None:
    """Raises OutputError now where making `path` and writing into it would fail later, after hours of work."""
    refuse_dash(path)
    path = Path(path)
    with writing(path):
        place = path
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise OutputError(f"{path}: cannot be written: {place} is not a folder; name another output")
        try:
            tempfile.TemporaryFile(dir=place).close()
        except OSError as error:  # whose file name would be the temporary one
            reason = system_reason(error)
            raise OutputError(f"{path}: cannot be written: {reason}; name another output") from None


def check_file(path: str | Path) -> None:
    """Raises OutputError now where writing the file `path` would fail later, after hours of work."""
    if Path(path).is_dir():
        raise OutputError(f"{path}: cannot be written: is a folder; name a file")
    check_folder(Path(path).parent)


def check_output(path: str | Path) -> None:
    """`check_folder` for what may be a file or a folder: where it is a file, another one must be able to replace it."""
    refuse_dash(path)
    path = Path(path)
    check_folder(path.parent if path.exists() and not path.is_dir() else path)


def make_folder(path: str | Path) -> Path:
    """The folder `path`, made with its parents where it is missing. Raises OutputError."""
    refuse_dash(path)
    with writing(path):
        Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that is renamed to it on success and removed on any failure.

    The temporary name keeps the suffix of `path`, since writers such as `numpy.save` choose by it. Raises
    OutputError where the folder or the file cannot be written.
    """
    path = Path(path)
    refuse_dash(path)
    make_folder(path.parent)
    with writing(path):
        if path.is_dir():
            raise OutputError(f"{path}: cannot be written: is a folder")
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:100]}.", suffix=f".tmp{path.suffix}", dir=path.parent)
        os.close(handle)
    try:
        with writing(path):
            yield Path(name)
            os.chmod(name, 0o666 & ~_umask())  # only now: some writers (safetensors) put a private file in its place
            os.replace(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` (UTF-8) to `path`, whole or not at all. Raises OutputError."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def is_gzip(path: str | Path) -> bool:
    """Whether the first bytes of a file say gzip, whatever its name. Raises InputError if it cannot be read."""
    with reading(path), open(path, "rb") as stream:
        return stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def read_bytes(path: str | Path) -> bytes:
    """The whole content of a plain or gzip file.

    Raises InputError, also for a gzip file that is truncated or unpacks to hundreds of times its size.
    """
    with reading(path):
        raw = Path(path).read_bytes()
        if raw[:2] != GZIP_MAGIC:
            return raw
        limit = max(_UNPACKED_AT_LEAST, _UNPACKED_RATIO * len(raw))
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                content = stream.read(limit + 1)
        except (EOFError, zlib.error) as error:
            raise InputError(f"{path}: cannot be read: damaged gzip: {error}") from None
        if len(content) > limit:
            raise InputError(f"{path}: unpacks to over {limit >> 20} MB, {_UNPACKED_RATIO} times its size: refused")
        return content


def read_text(path: str | Path) -> str:
    """The text of a plain or gzip UTF-8 file, without the byte order mark that some editors put first.

    Raises InputError for a file that cannot be read, is not UTF-8 or holds NUL characters.
    """
    raw = read_bytes(path)
    if raw[:2] in _UTF16:
        raise InputError(f"{path}: is UTF-16 text; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: is not UTF-8 text (byte {error.start})") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{path}:{line}: holds a NUL character: is this a text file?")
    return text


def progress(items: Iterable[T], total: int | None = None, description: str = "", quiet: bool = False) -> Iterator[T]:
    """Yields `items` under a progress bar on standard error (a terminal only; logs stay clean)."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=description, total=total, console=Console(stderr=True), transient=True)


def _belongs_to(filename: object, path: Path) -> bool:
    """Whether an OSError's file is `path`, its temporary or a folder above it."""
    named = Path(os.fsdecode(filename))  # type: ignore[arg-type]
    is_temporary = named.parent == path.parent and ".tmp" in named.suffixes
    return is_temporary or named == path or named in path.parents


def _disk_is_full(path: Path) -> bool:
    with suppress(OSError):
        place = os.statvfs(path.parent)
        return place.f_bavail * place.f_frsize < 1 << 20 or (place.f_files > 0 and place.f_favail == 0)
    return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_said: set[str] = set()


def remark(text: str) -> None:
    """Says `text` in one line on standard error, once a process: what a reader of the result should know."""
    if text not in _said:
        _said.add(text)
        print(f"speakerssl: {text}", file=sys.stderr)
