"""Kaldi data directories: which recordings there are, where their samples lie and, if known, who speaks.

`wav.scp` (`id path` or `id command |`) is all that is needed; `segments`, `utt2spk` or `spk2utt`, `utt2dur`
and `utt2session` are used where they are. A relative path in `wav.scp` is looked for from the working
directory (Kaldi's rule), then from the data directory, then from the folder above it (corpora that carry
their own lists).
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from speakerssl.data.ffmpeg import is_pipe
from speakerssl.data.parallel import map_threads
from speakerssl.data.tables import read_float, read_optional, read_rows, read_table, write_table
from speakerssl.data.utterance import Utterance, read_segments, read_wav_scp
from speakerssl.errors import InputError

__all__ = ["DataDir", "Utterance", "invert", "read_segments", "read_wav_scp"]


@dataclass
class DataDir:
    """What a data directory says. `recordings` keeps the order of the file that lists them."""

    recordings: dict[str, Utterance]
    path: Path = Path()
    utt2spk: dict[str, str] | None = None
    utt2dur: dict[str, float] = field(default_factory=dict)
    utt2session: dict[str, str] | None = None

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def utterances(self) -> list[Utterance]:
        """The recordings in order."""
        return list(self.recordings.values())

    @property
    def spk2utt(self) -> dict[str, list[str]] | None:
        """{speaker: its utterances}, both sorted; None without labels."""
        return None if self.utt2spk is None else invert(self.utt2spk)

    @property
    def has_segments(self) -> bool:
        return any(utterance.segment_line for utterance in self.recordings.values())

    @classmethod
    def read(cls, path: str | Path) -> "DataDir":
        """Reads the lists (no audio). Raises InputError naming file and line; `data.checks` looks deeper."""
        path = Path(path)
        if not path.is_dir():
            raise InputError(f"{path}: is not a directory; a data directory with a wav.scp is needed")
        if not (path / "wav.scp").exists():
            raise InputError(f"{path}/wav.scp: does not exist; `speakerssl prepare` makes a data directory")
        utterances = read_wav_scp(path / "wav.scp")
        if not utterances:
            raise InputError(f"{path}/wav.scp: is empty")
        if (path / "segments").exists():
            utterances = read_segments(path / "segments", utterances)
        durations = {
            row.key: read_float(row.value, f"{path}/utt2dur:{row.line}", "duration")
            for row in (read_rows(path / "utt2dur") if (path / "utt2dur").exists() else ())
        }
        return cls(utterances, path, _read_speakers(path), durations, read_optional(path / "utt2session"))

    def durations(self) -> dict[str, float]:
        """{id: seconds} of every recording: from utt2dur, and from the headers of those that it lacks.

        Raises AudioError for the first recording whose header cannot be read.
        """
        missing = [utterance for key, utterance in self.recordings.items() if key not in self.utt2dur]
        for utterance, seconds in map_threads(Utterance.duration, missing, "reading headers"):
            if isinstance(seconds, Exception):
                raise seconds
            self.utt2dur[utterance.id] = seconds
        return {key: self.utt2dur[key] for key in self.recordings}

    def subset(self, ids: Iterable[str]) -> "DataDir":
        """The same directory with only `ids`, in their order. Raises InputError for an unknown id."""
        ids = list(ids)
        for key in ids:
            if key not in self.recordings:
                raise InputError(f"{self.path}: has no recording '{key}'")
        kept = {key: self.recordings[key] for key in ids}

        def pick(table: Mapping[str, str] | None) -> dict[str, str] | None:
            return None if table is None else {key: table[key] for key in kept if key in table}

        durations = {key: self.utt2dur[key] for key in kept if key in self.utt2dur}
        return replace(
            self,
            recordings=kept,
            utt2spk=pick(self.utt2spk),
            utt2dur=durations,
            utt2session=pick(self.utt2session),
        )

    def write(self, path: str | Path) -> None:
        """Writes the directory, each file whole and C-locale sorted; wav.scp, the last, completes it."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        utterances = self.utterances
        tables: dict[str, Iterable[tuple[str, str]] | None] = {
            "utt2dur": [(key, f"{seconds:.6f}") for key, seconds in self.utt2dur.items()] or None,
            "utt2session": None if self.utt2session is None else self.utt2session.items(),
            "utt2spk": None if self.utt2spk is None else self.utt2spk.items(),
            "spk2utt": None
            if self.utt2spk is None
            else [(speaker, " ".join(ids)) for speaker, ids in invert(self.utt2spk).items()],
            "segments": [
                (u.id, f"{u.recording} {u.start:.3f} {-1 if u.end is None else format(u.end, '.3f')}")
                for u in utterances
            ]
            if self.has_segments
            else None,
            "wav.scp": {u.recording or u.id: _portable(u.source) for u in utterances}.items(),
        }
        for name, rows in tables.items():
            if rows is not None:
                write_table(path / name, rows)
            else:
                (path / name).unlink(missing_ok=True)  # of an earlier run, when there were labels
        self.path = path


def invert(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """{speaker: sorted utterances}, speakers sorted."""
    spk2utt: dict[str, list[str]] = {speaker: [] for speaker in sorted(set(utt2spk.values()))}
    for key in sorted(utt2spk):
        spk2utt[utt2spk[key]].append(key)
    return spk2utt


def _portable(source: str) -> str:
    """A path that works from any working directory; a command stays as it is."""
    return source if is_pipe(source) else os.path.abspath(source)


def _read_speakers(path: Path) -> dict[str, str] | None:
    if (path / "utt2spk").exists():
        return read_table(path / "utt2spk")
    if not (path / "spk2utt").exists():
        return None
    speakers: dict[str, str] = {}
    for row in read_rows(path / "spk2utt"):
        for key in row.value.split():
            if key in speakers:
                raise InputError(f"{path}/spk2utt:{row.line}: '{key}' already belongs to '{speakers[key]}'")
            speakers[key] = row.key
    return speakers
