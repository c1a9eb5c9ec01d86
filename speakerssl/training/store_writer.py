"""Makes a feature store, one process a core; what is done and has not changed is not made again."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.constants import SAMPLE_RATE
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.data.parallel import map_threads
from speakerssl.data.speech import check_speech
from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError, JobError
from speakerssl.io import progress, write_text
from speakerssl.processes import check_jobs, map_processes
from speakerssl.resume import Identity, folder_state, option_difference, output_lock, refuse_locked
from speakerssl.training.store_parts import (
    Part,
    carry_over,
    merge_parts,
    plan_parts,
    remove_other_parts,
    save_part,
)
from speakerssl.training.store_shares import Share, gather, refuse_running

INFO = "info.json"  # written last: with it, a store is complete


@dataclass(frozen=True)
class StoreJob:
    """All that a worker needs; it builds its own features and augmenter from it, once.

    `on_no_speech` is one of data.speech.ON_NO_SPEECH, `verify` one of resume.VERIFY.
    """

    data_dirs: tuple[str, ...]
    features: Mapping[str, Any]
    augment: Mapping[str, Any]
    seed: int
    cache_dir: str
    exclude: tuple[str, ...] = ()  # ids to leave out
    on_no_speech: str = "error"
    verify: str = "stat"


@dataclass(frozen=True)
class StoreSize:
    """What a store will hold: seconds of audio in all copies, and bytes (twice that while it is made)."""

    recordings: int
    seconds: float
    num_bytes: int


def write_store(job: StoreJob, output: str | Path, copies: int, jobs: int = 0) -> int:
    """Writes the clean copy 0 and `copies` augmented ones of every recording; returns the number of recordings.

    A recording is decoded once for all its copies. Recordings that cannot be read or hold no speech are listed in
    `failed.txt` and left out. Started again, it uses the parts whose recordings, places in the list and options are
    the same, and makes the others; also when the store was complete and its recordings have changed since.

    Raises:
        InputError: `output` holds a store made with other options, or nothing could be read.
        JobError: some recordings failed, after all else is done.
    """
    output, jobs = Path(output), check_jobs(jobs)
    identity = _identity(job, copies)
    refuse_running(output)
    with output_lock(output):
        if not _is_complete(output, identity):
            _make(job, output, copies, jobs, identity)
        shutil.rmtree(output / "parts", ignore_errors=True)
    if (output / "failed.txt").exists():
        count = len((output / "failed.txt").read_text(encoding="utf-8").splitlines())
        raise JobError(f"{count} recordings could not be read; {output / 'failed.txt'} lists them")
    return len(FeatureStore(output))


def write_share(job: StoreJob, output: str | Path, copies: int, share: Share, jobs: int = 0) -> int:
    """Writes the parts of a share of the store and nothing else; returns the number of their recordings.

    `write_store` merges what it finds of all shares and makes what is missing: the store is that of one process.
    Raises InputError as that does.
    """
    output, jobs = Path(output), check_jobs(jobs)
    identity = _identity(job, copies)
    refuse_locked(output)
    if _is_complete(output, identity):
        return 0
    folder = share.folder(output)
    parts = plan_parts(identity, folder, _draws_voices(job))[share.number - 1 :: share.of]
    with output_lock(folder):
        remove_other_parts(folder, parts)
        _write_parts(job, parts, copies, jobs)
    return sum(len(part.indices) for part in parts)


def estimate_store(job: StoreJob, copies: int) -> StoreSize:
    """The size of a store from utt2dur and headers, before it is made."""
    from speakerssl.features.frontend import FeatureFrontend

    _check_copies(copies)
    utterances, seconds = _utterances(job), 0.0
    known = {key: value for path in job.data_dirs for key, value in DataDir.read(path, labels=False).utt2dur.items()}
    unknown = [utterance for utterance in utterances if utterance.id not in known]
    for _, found in map_threads(Utterance.duration, unknown, "reading headers"):
        seconds += 0.0 if isinstance(found, Exception) else found
    seconds += sum(known[utterance.id] for utterance in utterances if utterance.id in known)
    features = FeatureFrontend(job.features)
    frames = seconds * features.sample_rate / features.raw.options.window_shift
    return StoreSize(len(utterances), seconds, int(2 * frames * features.raw.feature_dim * (copies + 1)))


def _make(job: StoreJob, output: Path, copies: int, jobs: int, identity: Identity) -> None:
    ids = list(identity.recordings)
    gather(output)
    parts = plan_parts(identity, output / "parts", _draws_voices(job))
    remove_other_parts(output / "parts", parts)
    before = Identity.read(output)
    if before is not None and (output / INFO).exists():
        carry_over(output, plan_parts(before, output / "parts", _draws_voices(job)), parts, ids)
    _write_parts(job, parts, copies, jobs)
    (output / INFO).unlink(missing_ok=True)
    merge_parts(parts, output, copies + 1, ids)
    identity.write(output)
    info = {
        "copies": copies + 1,
        "features": dict(job.features),
        "augment": dict(job.augment),
        "seed": job.seed,
        "data": [os.path.abspath(path) for path in job.data_dirs],
        "excluded": len(job.exclude),
    }
    write_text(output / INFO, json.dumps(info, indent=1))


def _write_parts(job: StoreJob, parts: Sequence[Part], copies: int, jobs: int) -> None:
    """Those of `parts` that are not there."""
    todo = [(part, copies) for part in parts if not _is_whole(part)]
    results = map_processes(_write_part, todo, jobs, _start_worker, (job,))
    for _ in progress(results, len(todo), f"features of {sum(len(part.indices) for part in parts)} recordings"):
        pass


def _identity(job: StoreJob, copies: int) -> Identity:
    _check_copies(copies)
    return Identity.of(_utterances(job), job.verify, _options(job, copies))


def _is_complete(output: Path, identity: Identity) -> bool:
    """Whether the store is there, of these recordings as they are, with none that failed (those are tried again).

    Raises InputError where it was made with other options, or by a version that did not record what it was made from.
    """
    if not (output / INFO).exists():
        return False
    before = Identity.read(output)
    if before is None:
        raise InputError(
            f"{output}: holds a store that does not say which recordings it was made from (an earlier version's); "
            "remove it or name another --output"
        )
    if difference := option_difference(identity.options, before.options):
        raise InputError(
            f"{output}: holds a store made with other options ({difference}); remove it or name another --output"
        )
    return not identity.difference(before) and not (output / "failed.txt").exists()


def _is_whole(part: Part) -> bool:
    """Whether a part is there with none of its recordings failed."""
    try:
        with np.load(part.path) as stored:
            return len(stored["kept"]) == len(part.indices)
    except (OSError, ValueError, KeyError, EOFError):
        return False


def _options(job: StoreJob, copies: int) -> dict[str, Any]:
    options = {
        "features": dict(job.features),
        "augment": dict(job.augment),
        "seed": job.seed,
        "copies": copies + 1,
        "on_no_speech": job.on_no_speech,
    }
    for section in job.augment.values():
        folder = section.get("folder") if isinstance(section, Mapping) else None
        if folder is not None:
            options[f"files in {folder}"] = folder_state(folder, job.verify)
    return options


def _check_copies(copies: int) -> None:
    if copies < 0:
        raise InputError(f"--copies is {copies}; it must be 0 or more")


def _draws_voices(job: StoreJob) -> bool:
    """Whether a copy of one recording may hold others: then it depends on all of them."""
    return "babble" in job.augment or job.augment.get("preset", "none") != "none"


def _utterances(job: StoreJob) -> list[Utterance]:
    skip = set(job.exclude)
    found = [
        u for path in job.data_dirs for u in DataDir.read(path, labels=False).recordings.values() if u.id not in skip
    ]
    repeated = [key for key, count in Counter(u.id for u in found).items() if count > 1]
    if repeated:
        raise InputError(f"{', '.join(job.data_dirs)}: the id '{repeated[0]}' is in more than one data directory")
    if not found:
        raise InputError(f"{', '.join(job.data_dirs)}: no recording is left to store")
    return found


class ReadableVoices:
    """Voices for babble from `pool`; a recording that cannot be read is passed over, and another one drawn."""

    def __init__(self, pool: Any, tries: int = 100) -> None:
        self.pool, self.tries = pool, tries

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """float32 [samples]. Raises AudioError where none of `tries` recordings can be read."""
        for _ in range(self.tries - 1):
            try:
                return self.pool.draw(rng, samples)
            except InputError:
                continue
        return self.pool.draw(rng, samples)


# One worker's state: built once a process, since options, rooms and noise lists are the same for every chunk.
_worker: dict[str, Any] = {}


def _start_worker(job: StoreJob) -> None:
    import torch

    from speakerssl.augment.chain import build_augmenter
    from speakerssl.augment.pool import AudioPool
    from speakerssl.features.frontend import FeatureFrontend

    torch.set_num_threads(1)
    utterances = _utterances(job)
    voices = ReadableVoices(AudioPool([utterance.source for utterance in utterances], name="babble"))
    augmenter = build_augmenter(job.augment, voices, cache_dir=job.cache_dir, seed=job.seed)
    _worker.update(job=job, utterances=utterances, frontend=FeatureFrontend(job.features), augment=augmenter)


def _write_part(task: tuple[Part, int]) -> None:
    """Features of a few recordings in all copies, and what failed, as one npz."""
    part, copies = task
    features: dict[int, list[np.ndarray]] = {}
    failed: dict[int, str] = {}
    for index in part.indices:
        try:
            features[index] = _copies_of(index, copies)
        except InputError as error:
            failed[index] = str(error)
    save_part(part.path, list(features), list(features.values()), failed)


def _copies_of(index: int, copies: int) -> list[np.ndarray]:
    """float16 [T, F] features of one recording, not yet normalized: clean, then augmented `copies` times.

    With `features.vad` only frames of speech are kept, those of the clean recording in every copy.
    """
    import torch

    job: StoreJob = _worker["job"]
    utterance: Utterance = _worker["utterances"][index]
    wave = utterance.read()
    check_speech(wave, SAMPLE_RATE, f"{utterance.where}: {utterance.source}", job.on_no_speech)
    seed = job.seed
    augment = _worker["augment"].for_recording(np.random.default_rng((seed, 0, index)))
    draws = [np.random.default_rng((seed, copy, index)) for copy in range(1, copies + 1)]
    waves = [wave, *augment.run_together([augment.steps(wave, rng) for rng in draws])]
    with torch.no_grad():
        frontend = _worker["frontend"]
        feats = [frontend.raw(torch.from_numpy(one)) for one in waves]
        speech = frontend.voiced(torch.from_numpy(wave)[None])[0]
        return [one[speech].numpy().astype(np.float16) for one in feats]
