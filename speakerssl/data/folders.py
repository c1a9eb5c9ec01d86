"""Recordings in a folder of audio, found recursively and named after their path."""

import os
from collections.abc import Iterator
from pathlib import Path

from speakerssl.data.ffmpeg import FFMPEG_SUFFIXES
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.errors import InputError

AUDIO_SUFFIXES = FFMPEG_SUFFIXES | {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".sph"}


def find_audio(root: Path, suffixes: frozenset[str] | set[str] = AUDIO_SUFFIXES) -> Iterator[Path]:
    """Paths below `root`, relative to it, in C-locale order folder by folder; hidden files are passed over."""
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:
                yield Path(folder, name).relative_to(root)


def list_audio(folder: str | Path) -> list[Path]:
    """Every audio file under `folder`, sorted. Raises InputError if it is no folder or holds none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; give one with audio files, or null for synthetic sounds")
    files = sorted(folder / path for path in find_audio(folder))
    if not files:
        raise InputError(f"{folder}: holds no audio file ({' '.join(sorted(AUDIO_SUFFIXES))})")
    return files


def read_folder(
    root: str | Path, separator: str = "/", keep_suffix: bool = False, speaker_from_folder: bool = False
) -> DataDir:
    """A DataDir of all audio below `root`.

    An id is the path from `root` without its suffix; white space becomes `_`.

    Args:
        separator: what stands in ids where paths have `/`.
        keep_suffix: keep `.wav` and the like in ids.
        speaker_from_folder: the topmost folder below `root` names the speaker (utt2spk).

    Raises:
        InputError: no folder, no audio in it, two files with one id, a file outside any speaker's folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: is not a folder of audio")
    recordings: dict[str, Utterance] = {}
    speakers: dict[str, str] = {}
    for relative in find_audio(root):
        key = utterance_id(relative, separator, keep_suffix)
        if key in recordings:
            raise InputError(
                f"{root / relative}: has the same id '{key}' as {recordings[key].source}; "
                "rename one, or keep suffixes in ids (--keep-suffix)"
            )
        recordings[key] = Utterance(key, str(root / relative), recording=key)
        if speaker_from_folder:
            if len(relative.parts) < 2:
                raise InputError(f"{root / relative}: lies in no speaker's folder below {root}")
            speakers[key] = "_".join(relative.parts[0].split())
    if not recordings:
        raise InputError(f"{root}: no audio in it ({', '.join(sorted(AUDIO_SUFFIXES))})")
    return DataDir(recordings, root, speakers if speaker_from_folder else None)


def utterance_id(relative: Path, separator: str = "/", keep_suffix: bool = False) -> str:
    """The id of a recording at path `relative`."""
    path = relative if keep_suffix else relative.with_suffix("")
    return separator.join("_".join(part.split()) for part in path.parts)
