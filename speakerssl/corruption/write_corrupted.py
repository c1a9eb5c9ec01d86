"""Writes many recordings, or stretches of them, through a family of channels: one process a core, resumable.

A FLAC file is complete or not there, and carries in its comment what was done to it; so a run that was broken off
goes on where it was, and gives the same bytes.
"""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.constants import FULL_SCALE
from speakerssl.corruption.channels import ChannelFamily, FamilySpec, build_family
from speakerssl.data.kaldi import Utterance
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, progress, write_text

CLEAN = "clean"


@dataclass(frozen=True)
class Piece:
    """A stretch of an utterance, written to `path` under `id`; without `degrade` its samples stay as they are."""

    id: str
    utterance: Utterance
    path: str
    start: float = 0.0
    duration: float | None = None
    degrade: bool = True


def write_pieces(pieces: Sequence[Piece], spec: FamilySpec, folder: Path, jobs: int = 0) -> dict[str, str]:
    """Writes every piece that is not yet there; returns {id: what was done to it}.

    Raises:
        InputError: of the family, before anything is written.
        JobError: after all others are written, when recordings could not be read; `folder`/failed.txt lists them.
    """
    build_family(spec)  # what is wrong with the options is said here, once, not by every process
    failed: dict[str, str] = {}
    done: dict[str, str] = {}
    for piece in pieces:
        Path(piece.path).parent.mkdir(parents=True, exist_ok=True)
    workers = jobs or os.cpu_count() or 1
    with ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(spec,)) as pool:
        results = pool.map(_write_piece, pieces, chunksize=8)
        for piece, (words, reason) in zip(pieces, progress(results, len(pieces), f"{spec.name} channels")):
            if reason:
                failed[piece.id] = reason
            else:
                done[piece.id] = words
    if failed:
        write_text(folder / "failed.txt", "".join(f"{key}\t{reason}\n" for key, reason in failed.items()))
        reason = next(iter(failed.values()))
        raise JobError(f"{len(failed)} recordings could not be read, the first: {reason}; see {folder}/failed.txt")
    (folder / "failed.txt").unlink(missing_ok=True)
    return done


def check_stamp(folder: Path, options: Mapping[str, Any]) -> bool:
    """True when `folder` is complete (it has a wav.scp) and was made with `options`; else leaves them as its stamp.

    Raises InputError when it was made, or begun, with other options.
    """
    path = folder / "options.json"
    text = json.dumps(options, indent=1, sort_keys=True)
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise InputError(f"{folder}: was made with other options (see {path}); remove it or name another folder")
        return (folder / "wav.scp").exists()
    write_text(path, text)
    return False


_worker: dict[str, Any] = {}


def _start_worker(spec: FamilySpec) -> None:
    _worker.update(spec=spec, family=build_family(spec))


def _write_piece(piece: Piece) -> tuple[str, str]:
    """(what was done, "") or ("", why it could not be)."""
    import soundfile

    if os.path.exists(piece.path):
        with soundfile.SoundFile(piece.path) as written:
            return written.comment, ""
    spec: FamilySpec = _worker["spec"]
    family: ChannelFamily = _worker["family"]
    try:
        wave = piece.utterance.read(piece.start, piece.duration)
    except InputError as error:
        return "", str(error)
    words = CLEAN
    if piece.degrade:
        wave, words = family(wave, spec.rng(piece.id))
    with atomic_path(piece.path) as temporary:
        _write_flac(temporary, wave, words)
    return words, ""


def _write_flac(path: Path, wave: np.ndarray, comment: str) -> None:
    """16 bits; a wave beyond full scale is turned down, not clipped."""
    import soundfile

    peak = float(np.abs(wave).max(initial=1.0))
    samples = np.rint(wave * min(1.0, 0.98 * FULL_SCALE / peak)).astype(np.int16)
    with soundfile.SoundFile(str(path), "w", 16000, 1, "PCM_16", format="FLAC") as sound:
        sound.comment = comment
        sound.write(samples)
