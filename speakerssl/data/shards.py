"""Shards: many recordings in one tar file in the WebDataset layout, their audio as compressed as it was.

    shards/
      shards.json          format, and of each shard its name, recordings, bytes and SHA-256
      shard-000000.tar     members `<key>.<flac, wav, ...>` and `<key>.json` ({"id": ...}), two a recording
      shard-000000.jsonl   one line a recording: id, where its bytes lie in the tar, samples at 16 kHz

The `webdataset` library reads them as they are. Here the index says where each recording lies, so that a batch reads
what it needs and a run goes on exactly where it was. A folder may be named by a URL (`https://...`, or what
`webdataset.gopen` opens: `s3:`, `gs:`, ...): its shards are then fetched whole, one after the other, into a folder on
this machine that all workers share.
"""

import fcntl
import hashlib
import io
import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.audio import Recording
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, read_text, reading

SHARDS, FORMAT = "shards.json", 1
CACHE_BYTES = 20 << 30  # of fetched shards that stay on this machine
_PLAIN = ("http", "https", "file")


class Place(NamedTuple):
    """Where one recording lies."""

    id: str
    shard: int
    offset: int
    size: int
    samples: int


class ShardSet:
    """The shards in a folder or at a URL. `places` are their recordings in order.

    Args:
        cache: where shards of a URL are kept; None: a folder of this user in the system's one for temporary files.

    Raises:
        InputError: no complete set of shards, or an index that says what cannot be.
    """

    def __init__(self, path: str | Path, cache: Path | None = None) -> None:
        self.path = str(path).rstrip("/")
        self.remote = "://" in self.path
        if self.path.startswith("pipe:"):
            raise InputError(f"{self.path}: runs a command, which shards never do; give a folder or a URL")
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:16]
        self.cache = (cache or Path(tempfile.gettempdir()) / f"speakerssl-shards-{os.getuid()}") / digest
        try:
            info = json.loads(self._text(SHARDS))
            self.names = [str(shard["name"]) for shard in info["shards"]]
            self.bytes = [int(shard["bytes"]) for shard in info["shards"]]
            known = info["format"] == FORMAT and all(name == os.path.basename(name) for name in self.names)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"{self.path}/{SHARDS}: is no list of shards; make them with `speakerssl shard`") from None
        if not known:
            raise InputError(f"{self.path}/{SHARDS}: of another format than {FORMAT}; make the shards again")
        self.places = [place for number in range(len(self.names)) for place in self._index(number)]

    def _index(self, number: int) -> list[Place]:
        name = self.names[number].removesuffix(".tar") + ".jsonl"
        places = []
        for line, text in enumerate(self._text(name).splitlines(), 1):
            try:
                row = json.loads(text)
                place = Place(str(row["id"]), number, *(int(row[key]) for key in ("offset", "size", "samples")))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise InputError(f"{self.path}/{name}:{line}: is no line of a shard's index") from None
            if place.offset < 0 or place.size <= 0 or place.offset + place.size > self.bytes[number]:
                raise InputError(f"{self.path}/{name}:{line}: lies outside of its shard")
            places.append(place)
        return places

    def content(self, place: Place) -> bytes:
        """The bytes of a recording's file. Raises InputError where the shard is gone or shorter than its index says."""
        path = self._local(place.shard)
        with reading(path), open(path, "rb", buffering=0) as stream:
            content = os.pread(stream.fileno(), place.size, place.offset)
        if len(content) < place.size:
            raise InputError(f"{path}: is truncated: ends before recording '{place.id}'")
        return content

    def _text(self, name: str) -> str:
        if not self.remote:
            return read_text(Path(self.path) / name)
        with reading(f"{self.path}/{name}"), closing(open_url(f"{self.path}/{name}")) as stream:
            return bytes(stream.read()).decode("utf-8", errors="replace")

    def _local(self, number: int) -> Path:
        """The tar on this machine; fetched by the first worker that needs it, while the others wait."""
        name = self.names[number]
        if not self.remote:
            return Path(self.path) / name
        path = self.cache / name
        if path.exists():
            os.utime(path)
            return path
        self.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self.cache / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                self._make_room(self.bytes[number])
                url = f"{self.path}/{name}"
                with reading(url), closing(open_url(url)) as stream, atomic_path(path) as temporary:
                    with open(temporary, "wb") as file:
                        shutil.copyfileobj(stream, file, 1 << 20)
                    if os.path.getsize(temporary) != self.bytes[number]:
                        raise InputError(f"{url}: came with {os.path.getsize(temporary)} of {self.bytes[number]} bytes")
        return path

    def _make_room(self, coming: int) -> None:
        kept = sorted(self.cache.glob("*.tar"), key=lambda path: path.stat().st_mtime)
        total = coming + sum(path.stat().st_size for path in kept)
        for path in kept:
            if total <= CACHE_BYTES:
                return
            total -= path.stat().st_size
            path.unlink()


def open_url(url: str) -> Any:
    """What `url` gives, opened for reading. Raises OSError, and InputError where a library is missing."""
    if url.split(":", 1)[0] in _PLAIN:
        return urllib.request.urlopen(url, timeout=60)
    try:
        from webdataset import gopen
    except ImportError:
        raise InputError(f"{url}: needs webdataset: pip install speakerssl[shards]") from None
    return gopen(url)


@dataclass(frozen=True)
class ShardRecording:
    """A recording in a shard, with the face of `data.utterance.Utterance`."""

    shards: ShardSet
    place: Place

    @property
    def id(self) -> str:
        return self.place.id

    @property
    def source(self) -> str:
        """What messages call it."""
        return f"{self.shards.path}/{self.shards.names[self.place.shard]}: {self.place.id}"

    def read(self, start: float = 0.0, duration: float | None = None, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """float32 [S] in the int16 range. Raises AudioError."""
        with self._open() as recording:
            return recording.read(start, duration, sample_rate)

    def read_crops(self, crops: Sequence[tuple[float, float]], sample_rate: int = SAMPLE_RATE) -> list[np.ndarray]:
        """`read` of each (start, duration), from bytes that are read once."""
        with self._open() as recording:
            return [recording.read(start, duration, sample_rate) for start, duration in crops]

    def duration(self) -> float:
        """Seconds, as the index has them."""
        return self.place.samples / SAMPLE_RATE

    def _open(self) -> Recording:
        return Recording.of_bytes(io.BytesIO(self.shards.content(self.place)), self.source)
