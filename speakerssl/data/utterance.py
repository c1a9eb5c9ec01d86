"""One recording of a data directory, and the two lists that name recordings: wav.scp and segments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.audio import audio_info, read_audio
from speakerssl.data.ffmpeg import is_pipe
from speakerssl.data.tables import Row, read_float, read_rows, resolve_sources
from speakerssl.errors import InputError


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
    segment_line: int = 0  # its line in segments, from 1

    @property
    def where(self) -> str:
        """`wav.scp:LINE`, for messages."""
        return f"{self.origin}:{self.line}" if self.line else ""

    def read(self, start: float = 0.0, duration: float | None = None, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """float32 [S] in the int16 range, `start` counted from the utterance's own start.

        Raises AudioError, which names the line of wav.scp.
        """
        if self.end is not None:
            rest = self.end - self.start - start
            duration = rest if duration is None else min(duration, rest)
        return read_audio(self.source, self.start + start, duration, sample_rate, where=self.where)

    def duration(self) -> float:
        """Seconds, from the header alone. Raises AudioError."""
        samples, rate = audio_info(self.source, where=self.where)
        end = samples / rate if self.end is None else min(self.end, samples / rate)
        return end - self.start


def read_wav_scp(path: str | Path) -> dict[str, Utterance]:
    """{id: Utterance} of a wav.scp. Raises InputError naming the line."""
    path = Path(path)
    rows = list(read_rows(path))
    base = resolve_sources(
        (row.value for row in rows if not is_pipe(row.value) and not Path(row.value).is_absolute()),
        (Path(), path.parent, path.parent.parent),
    )
    return {row.key: _utterance(row, path, base) for row in rows}


def read_segments(path: Path, recordings: Mapping[str, Utterance]) -> dict[str, Utterance]:
    """{id: Utterance} of a segments file over `recordings`. Raises InputError naming the line."""
    segments: dict[str, Utterance] = {}
    for row in read_rows(path):
        where, parts = f"{path}:{row.line}", row.value.split()
        if len(parts) != 3:
            raise InputError(f"{where}: expected 'utterance recording start end', found {len(parts) + 1} words")
        if parts[0] not in recordings:
            raise InputError(f"{where}: recording '{parts[0]}' is not in {path.parent}/wav.scp")
        start, end = read_float(parts[1], where, "start"), read_float(parts[2], where, "end")
        if start < 0 or (end != -1 and end <= start):
            raise InputError(f"{where}: from {start:g} s to {end:g} s is empty or begins before 0")
        segments[row.key] = replace(
            recordings[parts[0]],
            id=row.key, start=start, end=None if end == -1 else end, segment_line=row.line,
        )  # fmt: skip
    if not segments:
        raise InputError(f"{path}: is empty")
    return segments


def _utterance(row: Row, path: Path, base: Path) -> Utterance:
    source = row.value if is_pipe(row.value) else str(base / row.value)  # an absolute path stays itself
    return Utterance(row.key, source, recording=row.key, origin=str(path), line=row.line)
