"""An opened recording: stretches of it as 16 kHz mono, whatever its container, rate and channels."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.data.mixing import mean_of_channels
from speakerssl.data.pipes import is_pipe, require_permission
from speakerssl.data.resampling import resample
from speakerssl.data.sndfile import DecodeError, Decoder, SndfileDecoder
from speakerssl.data.source import File, mp4_length, open_decoder, read_layout, run_command
from speakerssl.errors import InputError
from speakerssl.io import reading

RATES = range(1000, 1_000_001)  # Hz; a header that says anything else is damaged
TAIL = 0.05  # seconds at the end that are decoded to see that a recording is whole
_BLOCK = 1 << 23  # samples over all channels that are decoded at once where all are looked at
_MOST_UNREAD = 64 << 10  # bytes behind the last sample that may be tags or a decoder's buffer
_log = logging.getLogger("speakerssl")
_said: set[str] = set()


class AudioError(InputError):
    """A recording that cannot be used: missing, empty, truncated, not audio, or with NaN samples."""


class Recording:
    """A recording opened for reading; a pipe's command has run once and its output is in memory.

    Args:
        source: a path, or a shell command ending in `|` (run only where commands are allowed, see `data.pipes`).
        where: what a message names as the place that asked for it, e.g. `data/wav.scp:12`.
        pipes: False: `source` is a path whatever it ends in.

    Raises:
        AudioError: missing, empty, truncated or undecodable file, failed command, impossible header.
        InputError: a command where none may run.
    """

    def __init__(self, source: str | Path, where: str = "", pipes: bool = True) -> None:
        self.name = f"{where}: {source}" if where else str(source)
        self._decoder: Decoder | None = None
        self._remark = ""
        self._file: File = str(source)
        if pipes and is_pipe(self._file):
            require_permission(where or "a source", self._file)
            with self._named():
                self._file, self._remark = run_command(str(source))
        with self._named():
            self._layout = read_layout(self._file)

    @classmethod
    def of_bytes(cls, file: BinaryIO, name: str) -> "Recording":
        """A recording whose file is in memory; messages call it `name`. Raises AudioError as for a path."""
        recording = cls.__new__(cls)
        recording.name, recording._decoder, recording._remark, recording._file = name, None, "", file
        with recording._named():
            recording._layout = read_layout(file)
        return recording

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    @property
    def channels(self) -> int:
        """The number of channels. Raises AudioError."""
        return self._open().channels

    def length(self) -> tuple[int, int]:
        """(number of samples at the recording's own rate, that rate in Hz).

        From the header where it can be trusted; otherwise the recording is decoded. Raises AudioError.
        """
        if self._decoder is None and self._layout.kind == "mp4":
            with self._named():
                if (known := mp4_length(self._file)) is not None:
                    return known
        if self._layout.unscanned:
            self._look_for_joints()
        decoder = self._open()
        frames = sum(map(len, self._blocks())) if decoder.frames is None else decoder.frames
        if frames <= 0:
            raise self._error("is empty: no samples")
        return frames, decoder.rate

    def read(
        self,
        start: float = 0.0,
        duration: float | None = None,
        sample_rate: int = SAMPLE_RATE,
        channel: int | None = None,
    ) -> np.ndarray:
        """The samples from `start` for `duration` seconds (None: to the end), at most to the recording's end.

        Args:
            sample_rate: Hz of the result; another rate of the recording is resampled.
            channel: the one to take, from 0; None: the mean of all.

        Returns:
            float32 [S] in the int16 range; S = round(duration * sample_rate) when the recording is long enough.

        Raises:
            AudioError: what cannot be decoded, NaN or infinite samples, `start` at or past the end, no such channel.
        """
        rate, count = self._open().rate, None
        if duration is not None:
            # One sample of slack: the last one decides how resampling rounds.
            count = round(duration * rate) + (1 if rate != sample_rate else 0)
        samples = self._samples(round(start * rate), count)
        if not len(samples):
            raise self._error(f"no samples at {start:.9g} s: the recording is empty or ends before")
        samples = self._to_mono(samples, channel, rate)
        if not np.isfinite(samples).all():
            raise self._error("has samples that are NaN or infinite")
        samples *= FULL_SCALE
        if rate == sample_rate:
            return samples
        with self._named():
            return self._to_rate(samples, rate, sample_rate, duration)

    def read_channels(self, start: float = 0.0, duration: float | None = None) -> np.ndarray:
        """float32 [S, channels] in the int16 range at the recording's own rate; otherwise as `read`."""
        rate = self._open().rate
        samples = self._samples(round(start * rate), None if duration is None else round(duration * rate))
        if not len(samples):
            raise self._error(f"no samples at {start:.9g} s: the recording is empty or ends before")
        if not np.isfinite(samples).all():
            raise self._error("has samples that are NaN or infinite")
        samples *= FULL_SCALE
        return samples[:, None] if samples.ndim == 1 else samples

    def check(self, full: bool = False) -> tuple[int, int]:
        """`length`, with the last 50 ms decoded too, or everything for `full` and for float samples.

        Raises AudioError: a recording that breaks off before the length in its header is found out here.
        """
        if full or self._layout.kind == "ogg":  # FLAC is larger, and read by header and end alone unless in full
            self._look_for_joints()
        frames, rate = self.length()
        if full or getattr(self._open(), "subtype", "") in ("FLOAT", "DOUBLE"):
            self._check_all()
        else:
            self.read_channels(max(0.0, frames / rate - TAIL))
        # A file with more behind its last sample turns out to be several, and is longer than its header says.
        return self.length() if self._layout.parts else (frames, rate)

    def _open(self) -> Decoder:
        if self._decoder is None:
            with self._named():
                self._decoder = open_decoder(self._file, self._layout, self._say_damage)
            if self._decoder.rate not in RATES:
                raise self._error(f"its header says {self._decoder.rate} Hz, which no recording has")
        return self._decoder

    def _samples(self, first: int, count: int | None) -> np.ndarray:
        """float32 [S] or [S, channels] in [-1, 1], at the recording's own rate."""
        decoder = self._open()
        try:
            with reading(self.name, AudioError):
                samples = decoder.read(first, count)
        except DecodeError as error:
            if not self._look_for_joints():
                raise self._error(str(error)) from None
            return self._samples(first, count)
        at_the_end = decoder.frames is not None and first + (count or 1 << 62) >= decoder.frames
        if at_the_end and self._may_go_on(decoder) and self._look_for_joints():
            return self._samples(first, count)
        return samples

    def _check_all(self) -> None:
        """Decodes everything. Raises AudioError also for samples that are NaN or infinite."""
        for block in self._blocks():
            if not np.isfinite(block).all():
                raise self._error("has samples that are NaN or infinite")

    def _blocks(self) -> Iterator[np.ndarray]:
        """All samples in order, some minutes at a time: a long recording is never in memory as a whole."""
        first, size = 0, max(1, _BLOCK // self._open().channels)
        while len(block := self._samples(first, size)):
            yield block
            first += len(block)
            if len(block) < size:
                return

    def _may_go_on(self, decoder: Decoder) -> bool:
        """Whether something lies behind the last sample of a file that others can be joined to."""
        if self._layout.kind == "flac" and isinstance(decoder, SndfileDecoder):
            return self._layout.unscanned or decoder.unread() > _MOST_UNREAD
        return self._layout.kind == "ogg"

    def _look_for_joints(self) -> bool:
        """Whether a large file of Ogg or FLAC is found to be several recordings joined; all are then read."""
        if self._layout.scanned or self._layout.kind not in ("ogg", "flac"):
            return False
        with self._named():
            self._layout = read_layout(self._file, scan=True)
        if self._layout.parts:
            self.close()
        return bool(self._layout.parts)

    def _to_mono(self, samples: np.ndarray, channel: int | None, rate: int) -> np.ndarray:
        number = 1 if samples.ndim == 1 else samples.shape[1]
        if channel is not None:
            if not 0 <= channel < number:
                raise self._error(f"has no channel {channel}: it has {number}, counted from 0")
            return samples if samples.ndim == 1 else np.ascontiguousarray(samples[:, channel])
        if samples.ndim == 1:
            return samples
        _say_once("channels", f"{self.name}: {number} channels are mixed to mono")
        wave, cancelled = mean_of_channels(samples, rate)
        # What is left over is no voice; as silence it meets the rule for recordings without speech (data.speech).
        return np.zeros_like(wave) if cancelled else wave

    def _to_rate(self, samples: np.ndarray, rate: int, new_rate: int, duration: float | None) -> np.ndarray:
        lost = f"; there is nothing above {rate // 2} Hz" if rate < new_rate else ""
        _say_once(f"rate {rate}", f"{self.name}: {rate} Hz is resampled to {new_rate} Hz{lost}")
        resampled = resample(samples, rate, new_rate)
        return resampled if duration is None else resampled[: round(duration * new_rate)]

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Failures of the block become AudioErrors that begin with the recording's name."""
        try:
            with reading(self.name, AudioError):
                yield
        except DecodeError as error:
            raise self._error(str(error)) from None

    def _say_damage(self, said: str) -> None:
        _log.warning("%s: damaged: the decoder says: %s", self.name, said)

    def _error(self, reason: str) -> AudioError:
        said = f" (the command says: {self._remark})" if self._remark else ""
        return AudioError(f"{self.name}: {reason}{said}")


def _say_once(key: str, message: str) -> None:
    if key not in _said:
        _said.add(key)
        _log.warning("%s (said once)", message)
