"""One identity for every output that can be resumed: the recordings that it is made from and the options.

An output folder keeps it in `identity.json`. Started again, a command compares that file with what it is asked for
now: what is equal is used, what differs is computed again or the command refuses and says what differs. A recording
counts as unchanged while its file has the same path, size and time of modification (`--verify stat`), or the same
bytes (`--verify content`), and the same stretch of it is asked for. A command in wav.scp (`cmd |`) is known by its
text alone: nothing tells whether it would print something else today.
"""

import dataclasses
import fcntl
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from speakerssl.errors import InputError, OutputError
from speakerssl.io import write_text

IDENTITY = "identity.json"
VERIFY = ("stat", "content")
# Fields of an utterance that say where it stands in a list, not what is heard.
_PLACE_IN_LISTS = ("id", "recording", "origin", "line", "segments", "segment_line")
_TEMPORARY = re.compile(r"^\..+\.[a-z0-9_]{8}\.tmp(\..*)?$", re.DOTALL)  # the names that io.atomic_path gives


@dataclasses.dataclass(frozen=True)
class Identity:
    """What an output is made from: options as JSON values, and the state of each recording by its id, in order."""

    options: Mapping[str, Any]
    recordings: Mapping[str, str]

    @classmethod
    def of(cls, utterances: Iterable[Any], verify: str, options: Mapping[str, Any]) -> "Identity":
        """Looks at the file of each of `utterances`. Raises InputError for an unknown `verify`."""
        if verify not in VERIFY:
            raise InputError(f"verify is '{verify}'; it must be one of: {', '.join(VERIFY)}")
        files: dict[str, str] = {}
        states = {utterance.id: _state(utterance, verify, files) for utterance in utterances}
        return cls(json.loads(json.dumps({**options, "verify": verify})), states)

    @classmethod
    def read(cls, folder: str | Path) -> "Identity | None":
        """The identity that was left in `folder`; None where there is none, or none that is whole."""
        try:
            found = json.loads((Path(folder) / IDENTITY).read_text(encoding="utf-8"))
            return cls(dict(found["options"]), dict(found["recordings"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: str | Path) -> None:
        """Leaves the identity in `folder`."""
        tree = {"options": dict(self.options), "recordings": dict(self.recordings)}
        write_text(Path(folder) / IDENTITY, json.dumps(tree, indent=0, ensure_ascii=False) + "\n")

    @property
    def options_digest(self) -> str:
        """Tells apart options, whatever their order."""
        return hashlib.sha256(json.dumps(self.options, sort_keys=True).encode()).hexdigest()

    def difference(self, before: "Identity") -> str:
        """What differs from `before` in words, '' where nothing does. The order of recordings counts."""
        return option_difference(self.options, before.options) or recording_difference(
            self.recordings, before.recordings
        )


def option_difference(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """The first option that differs, with both values cut short; '' where none does."""
    for key in {**before, **now}:
        if now.get(key) != before.get(key):
            return f"{key} is {_short(now.get(key))}, was {_short(before.get(key))}"
    return ""


def recording_difference(now: Mapping[str, str], before: Mapping[str, str]) -> str:
    """How two lists of recordings differ, with the first of each kind; '' where they are equal, order included."""
    kinds = {
        "changed": [key for key, state in now.items() if before.get(key, state) != state],
        "new": [key for key in now if key not in before],
        "gone": [key for key in before if key not in now],
    }
    words = [f"{len(keys)} {kind} (the first: '{_cut(keys[0])}')" for kind, keys in kinds.items() if keys]
    if not words and list(now) != list(before):
        words = ["in another order"]
    return f"recordings: {', '.join(words)}" if words else ""


@contextmanager
def output_lock(folder: str | Path) -> Iterator[None]:
    """Holds `folder` for this process, and removes what a killed run left half-written in it.

    Raises InputError that names the process which holds the folder already, or says why it cannot be written, and
    OutputError where the folder was removed meanwhile: some of what was written into it is gone.
    """
    folder = Path(folder)
    path = folder / ".lock"
    handle = _open_locked(folder, path)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}".encode(), 0)
        remove_leftovers(folder)
        yield
    except Exception:
        if _is_file_of(handle, path):
            raise
        raise _removed(folder) from None  # which is why, whatever was said of a file that is missing
    else:
        if not _is_file_of(handle, path):
            raise _removed(folder)
    finally:
        if _is_file_of(handle, path):  # it may be another process's by now
            with suppress(OSError):
                path.unlink()  # while it is held: whoever opened it meanwhile sees that it is no longer the file
        os.close(handle)


def refuse_locked(folder: str | Path) -> None:
    """Raises InputError that names the process which holds `folder` with `output_lock`; does nothing else."""
    path = Path(folder) / ".lock"
    if path.exists():
        os.close(_open_locked(Path(folder), path))


def folder_state(folder: str | Path, verify: str) -> str:
    """Changes when a file in `folder`, or below it, is added, removed or replaced; hidden files do not count."""
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [os.path.join(parent, name) for name in sorted(names) if not name.startswith(".")]
        found += [(os.path.relpath(path, folder), _file_state(path, verify)) for path in paths]
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def remove_leftovers(folder: Path) -> None:
    """Removes the temporary files that a killed run left in `folder` and below."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if _TEMPORARY.match(name):
                with suppress(OSError):
                    os.unlink(os.path.join(parent, name))


def _open_locked(folder: Path, path: Path) -> int:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except (FileExistsError, NotADirectoryError):
            raise InputError(f"{folder}: cannot be written: a file is in its place; name another folder") from None
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror}; name another folder") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace") or "another process"
            os.close(handle)
            raise InputError(f"{folder}: {holder} is writing here; wait for it or name another folder") from None
        if _is_file_of(handle, path):
            return handle
        os.close(handle)  # the one before has just ended and removed it


def _is_file_of(handle: int, path: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(handle), os.stat(path))
    return False


def _removed(folder: Path) -> OutputError:
    return OutputError(f"{folder}: was removed or replaced while this wrote into it; run the command again")


def _state(utterance: Any, verify: str, files: dict[str, str]) -> str:
    source = str(utterance.source)
    if source not in files:
        files[source] = _file_state(source, verify)
    names = [field.name for field in dataclasses.fields(utterance) if field.name not in (*_PLACE_IN_LISTS, "source")]
    stretch = [getattr(utterance, name) for name in names]
    return hashlib.sha256(repr((files[source], stretch)).encode()).hexdigest()[:16]


def _file_state(source: str, verify: str) -> str:
    if source.rstrip().endswith("|"):
        return f"command {source}"
    try:
        if verify == "content":
            digest = hashlib.sha256()
            with open(source, "rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
            return digest.hexdigest()
        found = os.stat(source)
    except OSError as error:
        return f"unreadable {error.errno}"
    return f"{os.path.abspath(source)} {found.st_size} {found.st_mtime_ns}"


def _short(value: Any) -> str:
    return "not there" if value is None else _cut(json.dumps(value))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
