"""Kaldi data directories: which recordings there are, where their samples lie and, if known, who speaks.

`wav.scp` (`id path` or `id command |`) is all that is needed; `segments`, `utt2spk` or `spk2utt`, `utt2dur`
and `utt2session` are used where they are. A relative path in `wav.scp` is looked for from the working
directory (Kaldi's rule), then from the data directory, then from the folder above it (corpora that carry
their own lists).
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from speakerssl.data.lengths import read_lengths
from speakerssl.data.pipes import is_pipe
from speakerssl.data.tables import read_float, read_optional, read_rows, read_table, unwritable, write_table
from speakerssl.data.utterance import Utterance, read_segments, read_wav_scp
from speakerssl.errors import InputError
from speakerssl.io import make_folder

__all__ = ["DataDir", "Utterance", "invert", "merged_recordings", "read_segments", "read_wav_scp"]


@dataclass
class DataDir:
    """A data directory in memory.

    Attributes:
        recordings: {id: Utterance}, in the order of the file that lists them.
        path: the folder that was read.
        utt2spk: {id: speaker}; None without labels.
        utt2dur: {id: seconds}, of those whose length is known.
        utt2session: {id: session}; None where nothing says.
        passed_over: {suffix: number} of the files in a folder that were not taken for audio.
    """

    recordings: dict[str, Utterance]
    path: Path = Path()
    utt2spk: dict[str, str] | None = None
    utt2dur: dict[str, float] = field(default_factory=dict)
    utt2session: dict[str, str] | None = None
    passed_over: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path, labels: bool = True) -> "DataDir":
        """Reads the lists (no audio); without `labels` neither utt2spk nor spk2utt is opened.

        Raises InputError naming file and line; `data.checks` looks deeper.
        """
        path = Path(path)
        if not path.is_dir():
            raise InputError(f"{path}: is not a directory; a data directory with a wav.scp is needed")
        if not (path / "wav.scp").exists():
            raise InputError(f"{path}/wav.scp: does not exist; `speakerssl prepare` makes a data directory")
        recordings = read_wav_scp(path / "wav.scp")
        if not recordings:
            raise InputError(f"{path}/wav.scp: is empty")
        if (path / "segments").exists():
            recordings = read_segments(path / "segments", recordings)
        speakers = _read_speakers(path) if labels else None
        return cls(recordings, path, speakers, _read_durations(path), read_optional(path / "utt2session"))

    def write(self, path: str | Path) -> None:
        """Writes the lists, each file whole and C-locale sorted; wav.scp, the last, completes the directory.

        Raises InputError for a name that no list can hold, and OutputError.
        """
        path = make_folder(path)
        for name, rows in _tables(self).items():
            if rows is not None:
                write_table(path / name, rows)
            else:
                (path / name).unlink(missing_ok=True)  # of an earlier run, when there were labels
        self.path = path

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
        """Whether some recordings are stretches or channels of others."""
        return any(utterance.is_segment for utterance in self.recordings.values())

    def durations(self) -> dict[str, float]:
        """{id: seconds} of every recording: from utt2dur, and from the headers of those that it lacks.

        Raises AudioError for the first recording whose header cannot be read.
        """
        missing = [utterance for key, utterance in self.recordings.items() if key not in self.utt2dur]
        for utterance, seconds in read_lengths(missing):
            if isinstance(seconds, InputError):
                raise seconds
            self.utt2dur[utterance.id] = seconds
        return {key: self.utt2dur[key] for key in self.recordings}

    def subset(self, ids: Iterable[str]) -> "DataDir":
        """The same directory with only `ids`, in their order. Raises InputError for an unknown id."""
        kept: dict[str, Utterance] = {}
        for key in ids:
            if key not in self.recordings:
                raise InputError(f"{self.path}: has no recording '{key}'")
            kept[key] = self.recordings[key]
        return replace(
            self,
            recordings=kept,
            utt2spk=_pick(self.utt2spk, kept),
            utt2dur={key: self.utt2dur[key] for key in kept if key in self.utt2dur},
            utt2session=_pick(self.utt2session, kept),
        )


def invert(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """{speaker: sorted utterances}, speakers sorted."""
    spk2utt: dict[str, list[str]] = {speaker: [] for speaker in sorted(set(utt2spk.values()))}
    for key in sorted(utt2spk):
        spk2utt[utt2spk[key]].append(key)
    return spk2utt


def portable(source: str) -> str:
    """A path that works from any working directory; a command stays as it is."""
    return source if is_pipe(source) else os.path.abspath(source)


def unlistable(utterance: Utterance) -> str:
    """Why no wav.scp can hold the recording, or ''."""
    if not utterance.origin and is_pipe(utterance.source):
        return "the name ends in a bar, which a list takes for a command; rename it"
    source = utterance.source if is_pipe(utterance.source) else os.path.abspath(utterance.source)
    return unwritable(utterance.id, source)


def _tables(data: DataDir) -> dict[str, Iterable[tuple[str, str]] | None]:
    """{file: its rows, None for a file that must not be}; the order is that of writing."""
    utterances, speakers = data.utterances, data.spk2utt
    segments = [(u.id, _segment_row(u)) for u in utterances]
    return {
        "utt2dur": [(key, f"{seconds:.6f}") for key, seconds in data.utt2dur.items()] or None,
        "utt2session": None if data.utt2session is None else data.utt2session.items(),
        "utt2spk": None if data.utt2spk is None else data.utt2spk.items(),
        "spk2utt": None if speakers is None else [(speaker, " ".join(ids)) for speaker, ids in speakers.items()],
        "segments": segments if data.has_segments else None,
        "wav.scp": {u.recording or u.id: portable(u.source) for u in utterances}.items(),
    }


def _segment_row(utterance: Utterance) -> str:
    end = "-1" if utterance.end is None else _seconds(utterance.end)
    row = f"{utterance.recording or utterance.id} {_seconds(utterance.start)} {end}"
    return row if utterance.channel is None else f"{row} {utterance.channel}"


def _seconds(value: float) -> str:
    """The shortest text that reads back as the same number, with milliseconds at least."""
    return np.format_float_positional(value, min_digits=3)


def _pick(table: Mapping[str, str] | None, ids: Iterable[str]) -> dict[str, str] | None:
    return None if table is None else {key: table[key] for key in ids if key in table}


def _read_durations(path: Path) -> dict[str, float]:
    if not (path / "utt2dur").exists():
        return {}
    durations: dict[str, float] = {}
    for row in read_rows(path / "utt2dur"):
        where = f"{path}/utt2dur:{row.line}"
        durations[row.key] = read_float(row.value, where, "duration")
        if durations[row.key] <= 0:
            raise InputError(f"{where}: {row.value} s is no length; leave '{row.key}' out to have it measured")
    return durations


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


def merged_recordings(data: Sequence[str | Path]) -> dict[str, Utterance]:
    """All recordings of data directories; an id may be in two of them if it is the same stretch of the same file.

    Raises InputError for an id that is another recording in another directory, and as `DataDir.read` does.
    """
    recordings: dict[str, Utterance] = {}
    for path in data:
        for key, utterance in DataDir.read(path, labels=False).recordings.items():
            other = recordings.setdefault(key, utterance)
            if (other.source, other.start, other.end) != (utterance.source, utterance.start, utterance.end):
                raise InputError(f"{utterance.where}: '{key}' is another recording in {other.where}; rename one")
    return recordings
