"""Writes many recordings, or stretches of them, through random channels: one process a core, resumable.

A FLAC file is complete or not there, and carries in its comment what was done to it; so a run that was broken off
goes on where it was, and gives the same bytes.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.corruption.channels import ChannelSpec, RandomChannel, build_channel
from speakerssl.data.kaldi import Utterance
from speakerssl.data.prepare import write_failures
from speakerssl.data.speech import check_speech
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, progress
from speakerssl.processes import check_jobs, map_processes
from speakerssl.resume import Identity, option_difference

CLEAN = "clean"


@dataclass(frozen=True)
class CorruptedCopy:
    """A stretch of an utterance, written to `path` under `id`; without `corrupt` its samples stay as they are."""

    id: str
    utterance: Utterance
    path: str
    start: float = 0.0
    duration: float | None = None
    corrupt: bool = True


def write_copies(
    copies: Sequence[CorruptedCopy], spec: ChannelSpec, folder: Path, jobs: int = 0, on_no_speech: str = "error"
) -> tuple[dict[str, str], dict[str, str]]:
    """Writes every copy that is not yet there; returns {id: what was done to it} and {id: why it could not be}.

    A stretch without speech is refused, remarked upon or kept by the rule of data.speech. What failed is also listed in
    `folder`/failed.txt. Raises InputError of the channels, before anything is written.
    """
    build_channel(spec)  # forked workers inherit it
    failed: dict[str, str] = {}
    done: dict[str, str] = {}
    for copy in copies:
        Path(copy.path).parent.mkdir(parents=True, exist_ok=True)
    results = map_processes(_write_copy, copies, check_jobs(jobs), _start_worker, (spec, on_no_speech), chunksize=8)
    for copy, (words, reason) in zip(copies, progress(results, len(copies), f"{spec.name} channels")):
        if reason:
            failed[copy.id] = reason
        else:
            done[copy.id] = words
    write_failures(folder, failed)
    return done, failed


def failure_message(failed: Mapping[str, str], folder: Path) -> str:
    """How many could not be used, the first with its reason, and where the others are listed."""
    reason = next(iter(failed.values()))
    return f"{len(failed)} recordings could not be used, the first: {reason}; see {folder}/failed.txt"


def speech_option(on_no_speech: str) -> dict[str, str]:
    """`on_no_speech` as part of an identity; its default is left out, so that what earlier versions made is kept."""
    return {} if on_no_speech == "error" else {"on_no_speech": on_no_speech}


def begin_output(folder: Path, identity: Identity, copies: Sequence[CorruptedCopy]) -> bool:
    """True when `folder` is complete (it has a wav.scp) and of this identity; else it is made ready for `copies`.

    Files of recordings that have changed since, and of copies that are no longer asked for, are removed.
    Raises InputError when the folder was made, or begun, with other options, or by a version that left no identity.
    """
    before = Identity.read(folder)
    complete = (folder / "wav.scp").exists()
    if before is None and complete:
        raise InputError(
            f"{folder}: does not say which recordings it was made from (an earlier version's); "
            "remove it or name another folder"
        )
    if before is not None and (difference := option_difference(identity.options, before.options)):
        raise InputError(f"{folder}: was made with other options ({difference}); remove it or name another folder")
    if before is not None and complete and not identity.difference(before):
        return True
    (folder / "wav.scp").unlink(missing_ok=True)
    known = {} if before is None else before.recordings
    usable = {copy.path for copy in copies if known.get(copy.utterance.id) == identity.recordings[copy.utterance.id]}
    for path in sorted((folder / "audio").rglob("*.flac")):
        if str(path) not in usable:
            path.unlink()
    identity.write(folder)
    return False


_worker: dict[str, Any] = {}


def _start_worker(spec: ChannelSpec, on_no_speech: str) -> None:
    _worker.update(spec=spec, channel=build_channel(spec), on_no_speech=on_no_speech)


def _write_copy(copy: CorruptedCopy) -> tuple[str, str]:
    """(what was done, "") or ("", why it could not be)."""
    import soundfile

    if os.path.exists(copy.path):
        with soundfile.SoundFile(copy.path) as written:
            return written.comment, ""
    spec: ChannelSpec = _worker["spec"]
    channel: RandomChannel = _worker["channel"]
    try:
        wave = copy.utterance.read(copy.start, copy.duration)
        check_speech(wave, SAMPLE_RATE, _name(copy), _worker["on_no_speech"])
    except InputError as error:
        return "", str(error)
    words = CLEAN
    if copy.corrupt:
        wave, words = channel(wave, spec.rng(copy.id))
    with atomic_path(copy.path) as temporary:
        _write_flac(temporary, wave, words)
    return words, ""


def _name(copy: CorruptedCopy) -> str:
    """What a message calls a stretch: the recording, and from where to where where it is not all of it."""
    utterance = copy.utterance
    name = f"{utterance.where}: {utterance.source}" if utterance.where else utterance.id
    if copy.duration is None:
        return name
    return f"{name}, {copy.start:g} to {copy.start + copy.duration:g} s"


def _write_flac(path: Path, wave: np.ndarray, comment: str) -> None:
    """16 bits; a wave beyond full scale is turned down, not clipped."""
    import soundfile

    peak = float(np.abs(wave).max(initial=1.0))
    samples = np.rint(wave * min(1.0, 0.98 * FULL_SCALE / peak)).astype(np.int16)
    with soundfile.SoundFile(str(path), "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as sound:
        sound.comment = comment
        sound.write(samples)
