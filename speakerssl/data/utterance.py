"""One recording of a data directory, or a stretch or channel of one; and the two lists that name them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.audio import AudioError, Recording, audio_info, read_audio
from speakerssl.data.opened import forget_opened, keep_open
from speakerssl.data.pipes import is_pipe, require_permission
from speakerssl.data.tables import Row, read_float, read_rows, resolve_sources
from speakerssl.errors import InputError

OVERSHOOT = 0.5  # seconds that a segment may end after its recording: Kaldi's extract-segments allows as much


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording or, with `segments`, a stretch of one. Times are in seconds."""

    id: str
    source: str  # a path or `command |`
    start: float = 0.0
    end: float | None = None  # None: to the end of the recording
    recording: str = ""  # id in wav.scp; differs from `id` only with segments
    origin: str = ""  # the wav.scp
    line: int = 0  # its line there, from 1
    segments: str = ""  # the segments file
    segment_line: int = 0  # its line there, from 1
    channel: int | None = None  # from 0; None: the mean of all

    @property
    def where(self) -> str:
        """`wav.scp:LINE`, for messages."""
        return f"{self.origin}:{self.line}" if self.line else ""

    @property
    def is_segment(self) -> bool:
        """Whether a segments file is needed to name it."""
        return bool(self.segment_line) or self.channel is not None

    def read(self, start: float = 0.0, duration: float | None = None, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """float32 [S] in the int16 range, `start` counted from the utterance's own start.

        Segments of one recording that are read one after the other open it, or run its command, once.

        Raises AudioError, which names the line of wav.scp, or of segments where that is at fault.
        """
        if not self.is_segment:
            return read_audio(self.source, start, duration, sample_rate, where=self.where)
        recording = keep_open(self.source, self.where)
        samples, rate = recording.length()
        rest = self.extent(samples / rate, recording.channels) - start
        duration = rest if duration is None else min(duration, rest)
        if duration <= 0:
            raise AudioError(f"{self._segment_where}: has no samples at {start:.9g} s: it ends before")
        return recording.read(self.start + start, duration, sample_rate, self.channel)

    def read_on(self, start: float, duration: float | None, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """`read`, with the recording kept open for the stretch after it: a command runs once for all of them."""
        if self.is_segment:
            return self.read(start, duration, sample_rate)
        return keep_open(self.source, self.where).read(start, duration, sample_rate)

    def read_crops(self, crops: Sequence[tuple[float, float]], sample_rate: int = SAMPLE_RATE) -> list[np.ndarray]:
        """`read` of each (start, duration), from a file that is opened once."""
        if self.is_segment:
            return [self.read(start, duration, sample_rate) for start, duration in crops]
        with Recording(self.source, self.where) as recording:
            return [recording.read(start, duration, sample_rate) for start, duration in crops]

    def duration(self) -> float:
        """Seconds, from the header where it can be trusted. Raises AudioError as `read` does."""
        if not self.is_segment:
            samples, rate = audio_info(self.source, where=self.where)
            return samples / rate
        recording = keep_open(self.source, self.where)
        samples, rate = recording.length()
        return self.extent(samples / rate, 0 if self.channel is None else recording.channels)

    def extent(self, length: float, channels: int = 0) -> float:
        """Seconds of the utterance in a recording of `length` seconds and `channels` channels (0: not looked at).

        This is the one decision about segments that end after their recording: up to 0.5 s they are cut at its
        end, as Kaldi does; beyond, and where they begin after it, they are an AudioError that names their line.
        """
        end = length if self.end is None else self.end
        if end > length + OVERSHOOT or self.start >= length:
            raise AudioError(f"{self._segment_where}: ends at {end:g} s, but the recording at {length:.2f} s")
        if self.channel is not None and channels and self.channel >= channels:
            raise AudioError(
                f"{self._segment_where}: channel {self.channel} of a recording with {channels} (the first is 0)"
            )
        return min(end, length) - self.start

    @property
    def _segment_where(self) -> str:
        return f"{self.segments}:{self.segment_line}" if self.segment_line else f"{self.where or self.source}"


def read_wav_scp(path: str | Path) -> dict[str, Utterance]:
    """{id: Utterance} of a wav.scp.

    Raises InputError naming the line, also for a command where commands are not allowed.
    """
    path = Path(path)
    forget_opened()  # a command of another list may be the same and write something else
    rows = list(read_rows(path))
    for row in rows:
        if is_pipe(row.value):
            require_permission(f"{path}:{row.line}", row.value)
            break
    base = resolve_sources(
        (row.value for row in rows if not is_pipe(row.value) and not Path(row.value).is_absolute()),
        (Path(), path.parent, path.parent.parent),
    )
    return {row.key: _utterance(row, path, base) for row in rows}


def read_segments(path: Path, recordings: Mapping[str, Utterance]) -> dict[str, Utterance]:
    """{id: Utterance} of a segments file over `recordings`: `utterance recording start end [channel]`.

    Times are in seconds, an end of -1 is the recording's; channels count from 0 (A and B are 0 and 1).
    Raises InputError naming the line.
    """
    segments: dict[str, Utterance] = {}
    for row in read_rows(path):
        where, parts = f"{path}:{row.line}", row.value.split()
        if len(parts) not in (3, 4):
            expected = "'utterance recording start end [channel]'"
            raise InputError(f"{where}: expected {expected}, found {len(parts) + 1} words")
        if parts[0] not in recordings:
            raise InputError(f"{where}: recording '{parts[0]}' is not in {path.parent}/wav.scp")
        start, end = read_float(parts[1], where, "start"), read_float(parts[2], where, "end")
        if start < 0 or (end != -1 and end <= start):
            raise InputError(f"{where}: from {start:g} s to {end:g} s is empty or begins before 0")
        segments[row.key] = replace(
            recordings[parts[0]], id=row.key, start=start, end=None if end == -1 else end,
            segments=str(path), segment_line=row.line, channel=read_channel(parts[3], where) if parts[3:] else None,
        )  # fmt: skip
    if not segments:
        raise InputError(f"{path}: is empty")
    return segments


def read_channel(text: str, where: str) -> int:
    """The number of a channel: a whole number from 0, or A or B. Raises InputError beginning with `where`."""
    if text in ("A", "B"):
        return "AB".index(text)
    if not (text.isascii() and text.isdigit()) or int(text) > 1023:
        raise InputError(f"{where}: channel '{text}' is no number from 0, nor A or B")
    return int(text)


def _utterance(row: Row, path: Path, base: Path) -> Utterance:
    source = row.value if is_pipe(row.value) else str(base / row.value)  # an absolute path stays itself
    return Utterance(row.key, source, recording=row.key, origin=str(path), line=row.line)
