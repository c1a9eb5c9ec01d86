"""What a person may name to have recordings embedded: files, folders, data directories, lists, segments, RTTM."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from speakerssl.data.folders import AUDIO_SUFFIXES, read_folder, utterance_id
from speakerssl.data.kaldi import DataDir, Utterance, read_segments, read_wav_scp
from speakerssl.data.rttm import numbered_turns
from speakerssl.data.tables import WHITE, split_row
from speakerssl.errors import InputError
from speakerssl.io import read_text

LIST_SUFFIXES = (".txt", ".lst", ".list")


def read_sources(sources: Sequence[str | Path], audio: str | Path | None = None) -> DataDir:
    """All recordings that `sources` name, with an id each.

    Args:
        sources: audio files; folders of audio; Kaldi data directories; `wav.scp` files; lists (`.txt`, `.lst`,
            `.list`) of a path a line; `segments` files; RTTM files (one segment a line, the speaker is known).
        audio: where the recordings of segments and RTTM are: a `wav.scp`, a data directory or a folder; by default
            the wav.scp beside a segments file, and the files of the same name beside an RTTM.

    Raises:
        InputError: what is none of these, names a recording that is not there, or gives one id twice.
    """
    recordings: dict[str, Utterance] = {}
    speakers: dict[str, str] = {}
    for source in sources:
        found = _read(Path(source), None if audio is None else Path(audio))
        for key, utterance in found.recordings.items():
            if key in recordings:
                raise InputError(f"{source}: the id '{key}' stands twice (also {recordings[key].source}); rename one")
            recordings[key] = utterance
        speakers.update(found.utt2spk or {})
    if not recordings:
        raise InputError("no recordings are named")
    path = Path(os.fspath(sources[0]))
    return DataDir(recordings, path, speakers if len(speakers) == len(recordings) else None)


def _read(source: Path, audio: Path | None) -> DataDir:
    if source.is_dir():
        return DataDir.read(source) if (source / "wav.scp").is_file() else read_folder(source)
    if not source.exists():
        raise InputError(f"{source}: does not exist")
    name, suffix = source.name, source.suffix.lower()
    if suffix == ".scp":
        return DataDir(read_wav_scp(source), source.parent)
    if suffix == ".rttm":
        return _read_rttm(source, _recordings(audio, source.parent, source))
    if name == "segments" or suffix == ".segments":
        return DataDir(read_segments(source, _recordings(audio, source.parent, source)), source.parent)
    if suffix in LIST_SUFFIXES:
        return DataDir(_read_list(source), source.parent)
    if suffix not in AUDIO_SUFFIXES and suffix:
        raise InputError(f"{source}: neither audio nor a list by its suffix; lists are {', '.join(LIST_SUFFIXES)}")
    key = utterance_id(Path(name))
    return DataDir({key: Utterance(key, str(source), recording=key)}, source.parent)


def _recordings(audio: Path | None, folder: Path, asked_by: Path) -> dict[str, Utterance]:
    """{id: recording} that segments refer to."""
    if audio is None:
        audio = folder / "wav.scp" if (folder / "wav.scp").is_file() else folder
    if audio.is_dir():
        found = DataDir.read(audio) if (audio / "wav.scp").is_file() else read_folder(audio)
        return found.recordings
    if not audio.is_file():
        raise InputError(f"{audio}: does not exist; {asked_by} needs recordings: --audio WAV_SCP or FOLDER")
    return read_wav_scp(audio)


def _read_list(path: Path) -> dict[str, Utterance]:
    """A path a line, or `id path`; relative ones from the working directory or else the folder of the list."""
    found: dict[str, Utterance] = {}
    for line, content in _lines(path):
        key, value = split_row(content)
        is_path = not value or _place(content, path) is not None
        place = _place(content if is_path else value, path)
        if place is None:
            raise InputError(f"{path}:{line}: {content if is_path else value}: does not exist")
        key = utterance_id(Path(content)) if is_path else key
        if key in found:
            raise InputError(f"{path}:{line}: the id '{key}' was given before; write 'id path'")
        found[key] = Utterance(key, place, recording=key, origin=str(path), line=line)
    if not found:
        raise InputError(f"{path}: is empty")
    return found


def _place(name: str, path: Path) -> str | None:
    return next((str(base / name) for base in (Path(), path.parent) if (base / name).is_file()), None)


def _read_rttm(path: Path, recordings: dict[str, Utterance]) -> DataDir:
    """Segments `SPEAKER recording channel start duration ...` as `recording-speaker-START-END` (milliseconds)."""
    found: dict[str, Utterance] = {}
    speakers: dict[str, str] = {}
    for line, turn in numbered_turns(path):
        where = f"{path}:{line}"
        if turn.recording not in recordings:
            raise InputError(
                f"{where}: recording '{turn.recording}' is not among those that are known; --audio names them"
            )
        if turn.end <= turn.begin:
            raise InputError(f"{where}: the turn at {turn.begin:g} s is empty; leave it out")
        key = f"{turn.recording}-{turn.speaker}-{round(1000 * turn.begin):07d}-{round(1000 * turn.end):07d}"
        if key in found:
            raise InputError(f"{where}: the same stretch of the same speaker stands twice")
        found[key] = replace(
            recordings[turn.recording], id=key, start=turn.begin, end=turn.end, segments=str(path), segment_line=line
        )
        speakers[key] = turn.speaker
    if not found:
        raise InputError(f"{path}: has no SPEAKER lines")
    return DataDir(found, path.parent, speakers)


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    for line, content in enumerate(read_text(path).split("\n"), 1):
        if content.strip(WHITE):
            yield line, content.strip(WHITE)
