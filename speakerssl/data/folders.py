"""Recordings in a folder of audio, found recursively and named after their path."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.errors import InputError
from speakerssl.io import reading

_SUFFIXES = """
.wav .wave .rf64 .bwf .w64 .flac .ogg .oga .opus .spx .mp3 .mpga .aif .aiff .aifc .au .snd .sph .nist .caf .voc
.m4a .m4b .mp4 .mov .3gp .3g2 .aac .wma .webm .mka .mkv .amr .awb .wv .tta .ape .ac3
"""
AUDIO_SUFFIXES = frozenset(_SUFFIXES.split())


def find_audio(
    root: Path, suffixes: frozenset[str] | set[str] = AUDIO_SUFFIXES, passed_over: Counter[str] | None = None
) -> list[Path]:
    """Paths below `root`, relative to it, in C-locale order of their names.

    Hidden files are passed over. A link to a folder is followed, but no folder is read twice: links that lead
    back to where the search has been, or comes by, are passed over.

    Args:
        passed_over: counts what was no audio, by suffix (`.txt`, `no suffix`, `hidden`, `linked folder`, ...).

    Raises InputError when `root` cannot be read.
    """
    passed_over = Counter() if passed_over is None else passed_over
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    with reading(root):
        links = _search(str(root), suffixes, found, seen, passed_over)
    while links:  # after all folders have been seen under their own names
        folder = links.pop(0)
        try:
            state = os.stat(folder)
            if (state.st_dev, state.st_ino) in seen:
                passed_over["linked folder"] += 1
            else:
                links += _search(folder, suffixes, found, seen, passed_over)
        except OSError:
            passed_over["unreadable folder"] += 1
    return [Path(os.path.relpath(path, root)) for path in sorted(found)]


def _search(
    top: str, suffixes: frozenset[str] | set[str], found: list[str], seen: set[tuple[int, int]],
    passed_over: Counter[str],
) -> list[str]:  # fmt: skip
    """Adds the audio below `top` to `found`; returns the links to folders that it met, in order."""
    folders: list[str] = [top]
    links: list[str] = []
    while folders:
        folder = folders.pop()
        try:
            state = os.stat(folder)
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            if folder == top:
                raise
            passed_over["unreadable folder"] += 1
            continue
        seen.add((state.st_dev, state.st_ino))
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()
            if entry.name.startswith("."):
                passed_over["hidden"] += 1
            elif _is_folder(entry):
                (links if entry.is_symlink() else folders).append(entry.path)
            elif suffix in suffixes:
                found.append(entry.path)
            else:
                passed_over[suffix or "no suffix"] += 1
    return links


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: listed as a recording, and named when it cannot be read
        return False


def describe_passed_over(passed_over: Mapping[str, int]) -> str:
    """`3 .txt, 1 hidden`, the most frequent first, at most six kinds."""
    kinds = sorted(passed_over.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{number} {kind}" for kind, number in kinds[:6]]
    rest = sum(number for _, number in kinds[6:])
    return ", ".join(shown + ([f"{rest} others"] if rest else []))


def list_audio(folder: str | Path) -> list[Path]:
    """Every audio file under `folder`, sorted. Raises InputError if it is no folder or holds none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; give one with audio files, or null for synthetic sounds")
    passed_over: Counter[str] = Counter()
    files = sorted(folder / path for path in find_audio(folder, passed_over=passed_over))
    if not files:
        raise InputError(f"{folder}: holds no audio file{_but(passed_over)}")
    return files


def read_folder(
    root: str | Path, separator: str = "/", keep_suffix: bool = False, speaker_from_folder: bool = False
) -> DataDir:
    """A DataDir of all audio below `root`.

    An id is the path from `root` without its suffix; white space becomes `_`. What is no audio by its suffix is
    counted in `passed_over`.

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
    passed_over: Counter[str] = Counter()
    for relative in find_audio(root, passed_over=passed_over):
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
        raise InputError(f"{root}: no audio in it{_but(passed_over)}")
    return DataDir(recordings, root, speakers if speaker_from_folder else None, passed_over=dict(passed_over))


def utterance_id(relative: Path, separator: str = "/", keep_suffix: bool = False) -> str:
    """The id of a recording at path `relative`."""
    path = relative if keep_suffix else relative.with_suffix("")
    return separator.join("_".join(part.split()) for part in path.parts)


def _but(passed_over: Counter[str]) -> str:
    return f"; passed over: {describe_passed_over(passed_over)}" if passed_over else ""
