"""ffmpeg's libraries (through PyAV) as a decoder: MP4 and M4A, AAC, WebM, Matroska, WMA, AMR, 3GP, and MP3 whose
header does not tell its length.

A file is decoded to its end where its length matters, since these headers estimate; only MP4 is believed.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from speakerssl.data.sndfile import DecodeError

if TYPE_CHECKING:
    import av

# Containers of one file: playlists, which name other files or addresses, are not among them.
_FORMATS = (
    "aac,ac3,adts,aiff,amr,amrnb,amrwb,ape,asf,au,caf,eac3,flac,flv,gsm,loas,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,"
    "mpeg,mpegts,nistsphere,ogg,spx,tta,voc,w64,wav,wv,avi,mpc,mpc8,dsf,ircam"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
# Their headers state a duration; the others' is an estimate from the bit rate.
_STATED = ("matroska", "asf", "wv", "caf", "ape", "tta", "wav", "avi", "w64")
_STATED_SLACK = 0.25  # seconds by which a whole file may decode to less than it states: codec delay, coarse clocks
_IN_MEMORY = 1 << 26  # bytes of decoded samples that are kept in memory, 17 minutes of 16 kHz; more go to a file
_BLOCK = 1 << 20  # samples of a channel that leave the decoder at once
_SEEK_FROM = 30.0  # seconds: a crop that begins later is looked for, an earlier one is decoded up to
_PACKETS = 2 * 2048  # samples at the end that codec delay may take
_MOST_BAD = 0.02  # share of MP3 packets that may be no audio (tags between joined files)


class AvDecoder:
    """A file that ffmpeg's libraries read.

    Args:
        file: a path, or what a pipe wrote.
        seconds: the length, where the container states it reliably; None: only decoding tells.
        ignore_length: do not believe the size of a WAV file's data chunk.
        tolerant: pass over a few packets that are no audio (MP3 with tags in its middle).
    """

    def __init__(
        self, file: str | BinaryIO, seconds: float | None = None, ignore_length: bool = False, tolerant: bool = False
    ) -> None:
        self._file, self._options, self._tolerant = file, dict(_OPTIONS), tolerant
        if ignore_length:
            self._options["ignore_length"] = "1"
        self._kept: IO[bytes] | None = None  # all samples, once everything had to be decoded
        with self._open() as container:
            stream = _audio_stream(container)
            self.rate, self.channels = stream.codec_context.sample_rate, stream.codec_context.channels
            self._stated = _stated_seconds(container, stream)
            if not self.rate or not self.channels:
                raise DecodeError("is not audio that can be read: its header states no rate or no channels")
        self.frames: int | None = None if seconds is None else round(seconds * self.rate)
        self._seekable = seconds is not None

    def read(self, first: int, count: int | None) -> np.ndarray:
        if self._kept is None and self.frames is not None and (first or count is not None):
            end = self.frames if count is None else min(first + count, self.frames)
            samples = np.concatenate([self._none(), *self._blocks(first, end)])
            if len(samples) < min(end, self.frames - _PACKETS) - first:
                raise DecodeError(f"is truncated: {first + len(samples)} of {self.frames} samples are there")
            return samples
        self._kept = self._kept or self._keep()
        frames = self.frames or 0
        wanted = max(0, frames - first if count is None else min(count, frames - first))
        self._kept.seek(4 * self.channels * first)
        samples = np.frombuffer(self._kept.read(4 * self.channels * wanted), np.float32).copy()
        return samples if self.channels == 1 else samples.reshape(-1, self.channels)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _none(self) -> np.ndarray:
        return np.zeros(0 if self.channels == 1 else (0, self.channels), np.float32)

    def _keep(self) -> IO[bytes]:
        """All samples, decoded once; where there are many, in a temporary file."""
        kept = tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="speakerssl-")  # noqa: SIM115 - closed by `close`
        frames = 0
        for block in self._blocks(0, self.frames):
            kept.write(block.tobytes())
            frames += len(block)
        if self.frames is None and self._stated is not None and frames / self.rate < self._stated:
            raise DecodeError(f"is truncated: {frames / self.rate:.2f} of {self._stated:.2f} s are there")
        if self.frames is not None and frames < self.frames - _PACKETS:
            raise DecodeError(f"is truncated: {frames} of {self.frames} samples are there")
        self.frames = frames
        return kept

    def _open(self) -> "av.container.InputContainer":
        import av

        try:
            if isinstance(self._file, str):
                return av.open(f"file:{self._file}", mode="r", options=self._options)
            self._file.seek(0)
            return av.open(self._file, mode="r", options=self._options)
        except (av.FFmpegError, ValueError) as error:
            raise DecodeError(f"is not audio that can be read: {_reason(error)}") from None

    def _blocks(self, first: int, end: int | None) -> Iterator[np.ndarray]:
        """Samples `first` to `end`, [S] or [S, channels], as they leave the decoder."""
        import av

        with self._open() as container:
            stream = _audio_stream(container)
            queue = av.AudioFifo()
            position = None if self._seek(container, stream, first) else 0
            layout = (np.dtype(np.float32), False)
            try:
                for frame in self._frames(container, stream):
                    if position is None:
                        position = self._position(frame, stream)
                    if (frame.sample_rate, frame.layout.nb_channels) != (self.rate, self.channels):
                        raise DecodeError("changes its rate or its channels on the way; split it there")
                    layout = _layout(frame)
                    frame.pts = None  # the queue wants unbroken times; samples are counted
                    queue.write(frame)
                    is_last = end is not None and position + queue.samples >= end
                    if queue.samples >= _BLOCK or is_last:
                        decoded = self._to_array(queue, layout)
                        yield decoded[max(0, first - position) : None if end is None else end - position]
                        position += len(decoded)
                    if is_last:
                        return
            except (av.FFmpegError, ValueError) as error:
                raise DecodeError(f"cannot be decoded (truncated or damaged): {_reason(error)}") from None
            if queue.samples:
                decoded = self._to_array(queue, layout)
                position = position or 0
                yield decoded[max(0, first - position) : None if end is None else end - position]

    def _to_array(self, queue: "av.AudioFifo", layout: tuple[np.dtype, bool]) -> np.ndarray:
        frame = queue.read()
        assert frame is not None  # there is something in the queue
        values, (dtype, is_planar) = frame.to_ndarray(), layout
        samples = _to_float(values.T if is_planar else values.reshape(-1, self.channels), dtype)
        return samples[:, 0] if self.channels == 1 else samples

    def _frames(self, container: Any, stream: Any) -> "Iterator[av.AudioFrame]":
        import av

        packets = bad = 0
        for packet in container.demux(stream):
            packets += 1
            if packet.is_corrupt and not self._tolerant and "ignore_length" not in self._options:
                raise DecodeError("is truncated: its last packet is not whole")
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                bad += 1
                if not self._tolerant:
                    raise
        if bad > max(2, _MOST_BAD * packets):
            raise DecodeError(f"cannot be decoded (damaged): {bad} of {packets} packets are no audio")

    def _seek(self, container: Any, stream: Any, first: int) -> bool:
        """Whether decoding now begins shortly before `first`, in a long file with an index."""
        seconds = first / self.rate
        if not self._seekable or seconds < _SEEK_FROM:
            return False
        # A second early: a seek lands on a packet and loses the decoder's history.
        start = float((stream.start_time or 0) * stream.time_base)
        container.seek(int((start + seconds - 1) / stream.time_base), stream=stream)
        return True

    def _position(self, frame: Any, stream: Any) -> int:
        """The number of the first sample of `frame`, by its time stamp."""
        if frame.pts is None:
            raise DecodeError("cannot be decoded: its packets have no time stamps")
        return round(float((frame.pts - (stream.start_time or 0)) * frame.time_base) * self.rate)


def _audio_stream(container: Any) -> Any:
    if not container.streams.audio:
        raise DecodeError("has no audio in it that can be read")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise DecodeError("is audio of an unknown codec")
    return stream


def _stated_seconds(container: Any, stream: Any) -> float | None:
    """The least that a whole file decodes to, where its header states a duration."""
    if not container.format.name.startswith(_STATED):
        return None
    if stream.duration:
        return float(stream.duration * stream.time_base) - _STATED_SLACK
    return container.duration / 1e6 - _STATED_SLACK if container.duration and container.duration > 0 else None


def _layout(frame: Any) -> tuple[np.dtype, bool]:
    name = frame.format.name
    dtypes = {"flt": "<f4", "dbl": "<f8", "s16": "<i2", "s32": "<i4", "u8": "u1"}
    if name.removesuffix("p") not in dtypes:
        raise DecodeError(f"has samples of an unknown format '{name}'")
    return np.dtype(dtypes[name.removesuffix("p")]), name.endswith("p")


def _to_float(samples: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float32 in [-1, 1]."""
    if dtype.kind == "f":
        return np.ascontiguousarray(samples, np.float32)
    if dtype.kind == "u":
        return (samples.astype(np.float32) - 128) / 128
    return samples.astype(np.float32) / np.float32(2 ** (8 * dtype.itemsize - 1))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".") or "damaged data"
