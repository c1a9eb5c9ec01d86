"""libsndfile as a decoder: WAV, FLAC, Ogg Vorbis and Opus, MP3, AIFF, AU, SPHERE, W64, CAF and more.

Every decoder here has the same face: `rate`, `channels`, `frames` (None where only decoding tells), `read` and
`close`. Failures are DecodeError with the reason alone; `data.recording` puts the recording's name before it.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from speakerssl.data.sections import open_section

if TYPE_CHECKING:
    import soundfile

_BLOCK = 1 << 22  # samples over all channels that are decoded at once: a header may claim any number
_MOST = 1 << 62
_MP3_SLACK = 2 * 1152  # decoders drop up to two frames of encoder delay that the header still counts
_stderr_lock = threading.Lock()


class DecodeError(Exception):
    """Why a decoder cannot read a recording; without the recording's name."""


class Decoder(Protocol):
    """What `data.recording` knows of a decoder."""

    rate: int
    channels: int
    frames: int | None

    def read(self, first: int, count: int | None) -> np.ndarray:
        """float32 [S] or [S, channels] in [-1, 1]: `count` samples from `first`, fewer where the end comes before.

        Raises DecodeError.
        """
        ...

    def close(self) -> None: ...


class SndfileDecoder:
    """A file that libsndfile reads.

    Args:
        file: a path, or what a pipe wrote.
        frames_known: whether its header states its length; otherwise `frames` is None.
        raw_from: the byte from which samples run to the end; the header before it only tells their format.
        remark: called with what the decoder says to standard error about damage.
    """

    def __init__(
        self,
        file: str | BinaryIO,
        frames_known: bool = True,
        raw_from: int | None = None,
        remark: Callable[[str], None] | None = None,
    ) -> None:
        import soundfile

        self._descriptor = os.open(file, os.O_RDONLY) if isinstance(file, str) else None
        try:
            self._sound = _one_way(file if self._descriptor is None else self._descriptor)
            if raw_from is not None:
                self._sound = _open_raw(self._sound, file, raw_from)
        except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
            raise DecodeError(f"is not audio that can be read: {_reason(error)}") from None
        self.rate, self.channels, self.subtype = self._sound.samplerate, self._sound.channels, self._sound.subtype
        self.kind = self._sound.format
        self.frames: int | None = self._sound.frames if frames_known and self._sound.frames < _MOST else None
        self._whole: np.ndarray | None = None  # of a codec that cannot be sought in
        self._is_mp3 = self._sound.subtype.startswith("MPEG_LAYER")
        self._remark = remark

    def read(self, first: int, count: int | None) -> np.ndarray:
        frames = _MOST if self.frames is None else self.frames
        wanted = max(0, frames - first if count is None else min(count, frames - first))
        if not wanted:
            return np.zeros(0, np.float32)
        if not self._is_mp3:
            samples = self._decode(first, wanted)
        else:
            samples = self._decode_mp3(first, wanted)
        slack = _MP3_SLACK if self._is_mp3 else 0
        if self.frames is not None and wanted - len(samples) > slack:
            raise DecodeError(f"is truncated: it ends after {first + len(samples)} of {self.frames} samples")
        return samples

    def unread(self) -> int:
        """The bytes of the file behind those that were needed so far; 0 for a buffer."""
        if self._descriptor is None:
            return 0
        return os.fstat(self._descriptor).st_size - os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def close(self) -> None:
        self._sound.close()

    def _decode_mp3(self, first: int, wanted: int) -> np.ndarray:
        """`_decode`, with what the decoder writes to standard error in the reason or passed to `remark`."""
        with captured_stderr() as said:
            try:
                samples, failure = self._decode(first, wanted), ""
            except DecodeError as error:
                samples, failure = np.zeros(0, np.float32), str(error)
        if failure:
            raise DecodeError(f"{failure}: {said[0]}" if said else failure)
        # After a seek the first frame lacks what the one before it held back; that is no damage.
        if said and first == 0 and self._remark is not None:
            self._remark(said[0])
        return samples

    def _decode(self, first: int, wanted: int) -> np.ndarray:
        block = max(1, _BLOCK // self.channels)
        try:
            if not self._sound.can_seek:
                if self._whole is None:
                    self._whole = self._sound.read(self._sound.frames, dtype="float32")
                return self._whole[first : first + wanted]
            if first != self._sound.tell():
                self._sound.seek(first)
            if wanted <= block:
                return self._sound.read(wanted, dtype="float32")
            blocks = []
            while wanted > 0 and len(part := self._sound.read(min(wanted, block), dtype="float32")):
                blocks.append(part)
                wanted -= len(part)
            return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        except Exception as error:
            raise DecodeError(f"cannot be decoded (truncated or damaged): {_reason(error)}") from None


class JoinedDecoder:
    """Recordings that were written one behind the other into one file, read as one. Raises DecodeError."""

    def __init__(self, parts: list[Decoder]) -> None:
        if len({(part.rate, part.channels) for part in parts}) > 1:
            raise DecodeError(f"is {len(parts)} recordings joined, of different rates or channels; split it")
        self._parts = parts
        self.rate, self.channels = parts[0].rate, parts[0].channels
        self.frames: int | None = sum(part.frames or 0 for part in parts)

    def read(self, first: int, count: int | None) -> np.ndarray:
        end = self.frames if count is None else first + count
        pieces, begin = [np.zeros(0, np.float32)] if self.channels == 1 else [], 0
        for part in self._parts:
            length = part.frames or 0
            start, stop = max(first, begin), min(end or 0, begin + length)
            if stop > start:
                pieces.append(part.read(start - begin, stop - start))
            begin += length
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def close(self) -> None:
        for part in self._parts:
            part.close()


@contextmanager
def captured_stderr() -> Iterator[list[str]]:
    """Collects what the MP3 decoder writes to the process's standard error; what others write there goes on to it.

    One thread at a time. The lines are in the list when the block is left.
    """
    said: list[str] = []
    with _stderr_lock, tempfile.TemporaryFile() as sink:
        try:
            saved = os.dup(2)
        except OSError:  # there is no standard error
            yield said
            return
        os.dup2(sink.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(saved, 2)
            if sink.seek(0, os.SEEK_END):
                sink.seek(0)
                for line in sink.read().splitlines(keepends=True):
                    if b"mpg123" in line or line.startswith((b"Warning: ", b"Note: ", b"[src/")):
                        said.append(line.decode(errors="replace").strip())
                    else:
                        with suppress(OSError):
                            os.write(2, line)
            os.close(saved)


def _one_way(file: "str | BinaryIO | int", **form: Any) -> "soundfile.SoundFile":
    """A SoundFile that does not seek to where it is after each read: in FLAC and MP3 that decodes a frame anew."""
    return _one_way_class()(file, **form)


@cache
def _one_way_class() -> Any:
    import soundfile

    class OneWay(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
        @property
        def can_seek(self) -> bool:
            return bool(super().seekable())

        def seekable(self) -> bool:
            return False

    return OneWay


def _open_raw(sound: "soundfile.SoundFile", file: str | BinaryIO, start: int) -> "soundfile.SoundFile":
    """The samples of `file` from byte `start` to its end, in the format that its header names."""

    with sound:
        own = "BIG" if sound.format in ("AIFF", "AU", "CAF") else "LITTLE"
        endian = sound.endian if sound.endian in ("BIG", "LITTLE") else own
        form = {"samplerate": sound.samplerate, "channels": sound.channels, "subtype": sound.subtype, "endian": endian}
    return _one_way(open_section(file, start), format="RAW", **form)


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", "") or error).strip().rstrip(".") or "damaged data"
