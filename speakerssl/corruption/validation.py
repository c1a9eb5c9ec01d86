"""Label-free validation trials, for choosing between models without a single label.

Targets are two disjoint halves of one recording, the first as it is, the other through a channel of a third set
(neither training's nor the test's, see `channels`); non-targets are halves of different recordings of the same data
directory. Nobody knows that two recordings are of different speakers: with n speakers of equal share, a fraction
1/n of the non-targets are in truth targets, the same ones for every model. So the EER is a little too high and is
there to rank models, not to be quoted.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from speakerssl.constants import HALF_SUFFIXES
from speakerssl.corruption.channels import VERSION, ChannelSpec
from speakerssl.corruption.write_corrupted import (
    CorruptedCopy,
    begin_output,
    failure_message,
    speech_option,
    write_copies,
)
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.parallel import map_threads
from speakerssl.data.tables import write_table
from speakerssl.errors import InputError, JobError
from speakerssl.io import write_text
from speakerssl.resume import Identity, output_lock

_log = logging.getLogger("speakerssl")
ENROL, TEST = HALF_SUFFIXES


def make_validation(
    data_dir: str | Path | Sequence[str | Path],
    output_dir: str | Path,
    num_recordings: int = 400,
    seed: int = 0,
    nontargets: int = 20,
    min_half: float = 2.0,
    jobs: int = 0,
    verify: str = "stat",
    on_no_speech: str = "error",
) -> Path:
    """Writes halves as FLAC, a data directory and a list of trials; returns the list's path.

    `output_dir` then holds `audio/`, `wav.scp`, `utt2channel`, `trials` (`1 enrol test`) and `recordings`: the ids
    that were used, one a line, for training to leave out (`data.exclude`). Recordings that cannot be read or of which a
    half holds no speech are left out and listed in `failed.txt`.

    Args:
        data_dir: one or several unlabeled data directories; recordings are drawn over all of them.
        num_recordings: how many are drawn, each giving one target; fewer when fewer are long enough.
        nontargets: how many a recording, drawn within its own data directory.
        min_half: seconds of each half, at least.
        jobs: processes; 0: one a core.
        verify: what tells that a recording has not changed since an earlier run, one of resume.VERIFY.
        on_no_speech: what happens to a half without speech, one of data.speech.ON_NO_SPEECH.

    Raises:
        InputError: too few recordings of twice `min_half`; an id in two data directories; a folder made otherwise.
        JobError: too few recordings can be read and hold speech.
    """
    output = Path(output_dir)
    paths = [Path(data_dir)] if isinstance(data_dir, str | Path) else [Path(path) for path in data_dir]
    directories = [DataDir.read(path, labels=False) for path in paths]
    options = {
        "channels": "validation",
        "version": VERSION,
        "seed": seed,
        "num_recordings": num_recordings,
        "nontargets": nontargets,
        "min_half": min_half,
        **speech_option(on_no_speech),
    }
    with output_lock(output):
        identity = Identity.of((u for data in directories for u in data.utterances), verify, options)
        # Non-targets are drawn within a directory: where one ends counts too.
        ends = {f"directory {number}": f"{len(data)} recordings" for number, data in enumerate(directories)}
        return _make(directories, replace(identity, recordings={**identity.recordings, **ends}), output, jobs)


def _make(directories: Sequence[DataDir], identity: Identity, output: Path, jobs: int) -> Path:
    seed, nontargets = identity.options["seed"], identity.options["nontargets"]
    rng = np.random.default_rng([seed, 0x7A11])
    groups = _choose(directories, identity.options["num_recordings"], 2.0 * identity.options["min_half"], rng)
    copies = [copy for group in groups for utterance, seconds in group for copy in _halves(utterance, seconds, output)]
    if begin_output(output, identity, copies):
        return output / "trials"
    on_no_speech = identity.options.get("on_no_speech", "error")
    words, failed = write_copies(copies, ChannelSpec("validation", seed), output, jobs, on_no_speech)
    lost = {copy.utterance.id for copy in copies if copy.id in failed}
    groups = [[(u, seconds) for u, seconds in group if u.id not in lost] for group in groups]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        raise JobError(failure_message(failed, output))
    kept = {u.id for group in groups for u, _ in group}
    copies = [copy for copy in copies if copy.utterance.id in kept]
    words = {copy.id: words[copy.id] for copy in copies}
    write_table(output / "utt2channel", words.items())
    write_text(output / "recordings", "".join(f"{u.id}\n" for group in groups for u, _ in group))
    write_text(output / "trials", "".join(_trials([u.id for u, _ in group], nontargets, rng) for group in groups))
    recordings = {copy.id: Utterance(copy.id, copy.path, recording=copy.id) for copy in copies}
    DataDir(recordings, utt2dur={copy.id: copy.duration or 0.0 for copy in copies}).write(output)
    return output / "trials"


def _choose(
    directories: Sequence[DataDir], number: int, min_seconds: float, rng: np.random.Generator
) -> list[list[tuple[Utterance, float]]]:
    """Recordings of at least `min_seconds` with their durations, drawn over all directories, kept apart by them."""
    seen: dict[str, Path] = {}
    candidates: list[tuple[int, Utterance, float]] = []
    for place, data in enumerate(directories):
        for key, seconds in _durations(data).items():
            if key in seen:
                raise InputError(f"{data.path}/wav.scp: id '{key}' is also in {seen[key]}/wav.scp")
            seen[key] = data.path
            if seconds >= min_seconds:
                candidates.append((place, data.recordings[key], seconds))
    where = ", ".join(str(data.path) for data in directories)
    if len(candidates) < 2:
        raise InputError(f"{where}: {len(candidates)} recordings last {min_seconds:g} s; validation needs at least 2")
    chosen = rng.permutation(len(candidates))[:number]
    groups: list[list[tuple[Utterance, float]]] = [[] for _ in directories]
    for index in np.sort(chosen):
        place, utterance, seconds = candidates[int(index)]
        groups[place].append((utterance, seconds))
    return [group for group in groups if len(group) > 1]


def _durations(data: DataDir) -> dict[str, float]:
    """{id: seconds} of the recordings whose headers can be read; of the others there is a remark."""
    found = {key: data.utt2dur[key] for key in data.recordings if key in data.utt2dur}
    unknown = [utterance for key, utterance in data.recordings.items() if key not in found]
    failed = []
    for utterance, seconds in map_threads(Utterance.duration, unknown, "reading headers"):
        if isinstance(seconds, Exception):
            failed.append(str(seconds))
        else:
            found[utterance.id] = seconds
    if failed:
        _log.warning("%d recordings cannot be read and are not drawn; the first: %s", len(failed), failed[0])
    return {key: found[key] for key in data.recordings if key in found}


def _halves(utterance: Utterance, seconds: float, output: Path) -> tuple[CorruptedCopy, CorruptedCopy]:
    # Whole 10 ms, so that neither half reaches into the other or past the end.
    half = int(seconds * 50.0) / 100.0
    name = utterance.id.replace("/", "--")
    first = str(output / "audio" / f"{name}{ENROL}.flac")
    second = str(output / "audio" / f"{name}{TEST}.flac")
    return (
        CorruptedCopy(utterance.id + ENROL, utterance, first, 0.0, half, corrupt=False),
        CorruptedCopy(utterance.id + TEST, utterance, second, half, half),
    )


def _trials(ids: Sequence[str], nontargets: int, rng: np.random.Generator) -> str:
    lines = []
    for index, key in enumerate(ids):
        lines.append(f"1 {key}{ENROL} {key}{TEST}\n")
        shifts = rng.permutation(len(ids) - 1)[:nontargets] + 1
        lines += [f"0 {key}{ENROL} {ids[(index + int(shift)) % len(ids)]}{TEST}\n" for shift in np.sort(shifts)]
    return "".join(lines)
