"""Makes a feature store, one process a core; parts that are complete are not made again."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, progress, write_text

CHUNK = 32  # recordings a task: small enough for a live progress bar, large enough to hide the pickling


@dataclass(frozen=True)
class StoreJob:
    """All that a worker needs; it builds its own features and augmenter from it, once."""

    data_dirs: tuple[str, ...]
    features: Mapping[str, Any]
    augment: Mapping[str, Any]
    seed: int
    cache_dir: str
    exclude: tuple[str, ...] = ()  # ids to leave out


def write_store(job: StoreJob, output: str | Path, copies: int, jobs: int = 0) -> int:
    """Writes the clean copy 0 and `copies` augmented ones of every recording; returns the number of recordings.

    A recording is decoded once for all its copies. Recordings that cannot be read are listed in `failed.txt` and
    left out. Interrupted, it goes on from the parts that are complete.

    Raises:
        InputError: `output` holds a store made otherwise, or nothing could be read.
        JobError: some recordings failed, after all else is done.
    """
    output = Path(output)
    info = {"copies": copies + 1, **_described(job)}
    _check_resumable(output, info)
    utterances = _utterances(job)
    if not utterances:
        raise InputError(f"{', '.join(job.data_dirs)}: no recording is left to store")
    if not (output / "info.json").exists():
        write_text(output / "making.json", json.dumps(info))
        chunks = [range(i, min(i + CHUNK, len(utterances))) for i in range(0, len(utterances), CHUNK)]
        parts = [output / "parts" / f"{number:06d}.npz" for number in range(len(chunks))]
        todo = [(chunk, copies, part) for chunk, part in zip(chunks, parts) if not part.exists()]
        with ProcessPoolExecutor(jobs or os.cpu_count(), initializer=_start_worker, initargs=(job,)) as pool:
            description = f"features of {len(utterances)} recordings"
            for _ in progress(pool.map(_write_part, todo), len(todo), description):
                pass
        _merge(parts, output, copies, [utterance.id for utterance in utterances])
        write_text(output / "info.json", json.dumps(info, indent=1))
        shutil.rmtree(output / "parts")
        (output / "making.json").unlink()
    if (output / "failed.txt").exists():
        count = len((output / "failed.txt").read_text(encoding="utf-8").splitlines())
        raise JobError(f"{count} recordings could not be read; {output / 'failed.txt'} lists them")
    return len(np.load(output / "index.npz")["ids"])


def _merge(parts: Sequence[Path], output: Path, copies: int, ids: Sequence[str]) -> None:
    """Parts in order become one file a copy, the index, and `failed.txt` where something failed."""
    kept: list[int] = []
    lengths: list[int] = []
    failed: list[str] = []
    for part in parts:
        with np.load(part) as stored:
            kept += stored["kept"].tolist()
            lengths += stored["lengths"].tolist()
            failed += [
                f"{ids[i]}\t{reason}\n" for i, reason in zip(stored["failed"].tolist(), stored["reasons"].tolist())
            ]
    if not kept:
        raise InputError(f"no recording could be read; the first: {failed[0].strip().replace(chr(9), ': ')}")
    if failed:
        write_text(output / "failed.txt", "".join(failed))
    for copy in range(copies + 1):
        pieces = []
        for part in parts:
            with np.load(part) as stored:
                pieces.append(stored[f"copy{copy}"])
        with atomic_path(output / f"copy-{copy:02d}.npy") as temporary:
            np.save(temporary, np.concatenate([piece for piece in pieces if len(piece)]))
    with atomic_path(output / "index.npz") as temporary:
        np.savez(temporary, ids=np.array([ids[i] for i in kept]), offsets=np.cumsum([0, *lengths]))


def _described(job: StoreJob) -> dict[str, Any]:
    return {
        "features": dict(job.features),
        "augment": dict(job.augment),
        "seed": job.seed,
        "data": [os.path.abspath(path) for path in job.data_dirs],
        "excluded": len(job.exclude),
    }


def _check_resumable(output: Path, info: Mapping[str, Any]) -> None:
    for name in ("info.json", "making.json"):
        path = output / name
        if path.exists() and json.loads(path.read_text()) != json.loads(json.dumps(info)):
            raise InputError(f"{output}: holds a store made with other options; remove it or name another --output")


def _utterances(job: StoreJob) -> list[Utterance]:
    skip = set(job.exclude)
    found = [u for path in job.data_dirs for u in DataDir.read(path).recordings.values() if u.id not in skip]
    repeated = [key for key, count in Counter(u.id for u in found).items() if count > 1]
    if repeated:
        raise InputError(f"{', '.join(job.data_dirs)}: the id '{repeated[0]}' is in more than one data directory")
    return found


# One worker's state: built once a process, since options, rooms and noise lists are the same for every chunk.
_worker: dict[str, Any] = {}


def _start_worker(job: StoreJob) -> None:
    import torch

    from speakerssl.augment.chain import build_augmenter
    from speakerssl.augment.pool import AudioPool
    from speakerssl.features.frontend import FeatureFrontend

    torch.set_num_threads(1)
    utterances = _utterances(job)

    voices = AudioPool([utterance.source for utterance in utterances], name="babble")
    augmenter = build_augmenter(job.augment, voices, cache_dir=job.cache_dir, seed=job.seed)
    _worker.update(job=job, utterances=utterances, frontend=FeatureFrontend(job.features), augment=augmenter)


def _write_part(task: tuple[range, int, Path]) -> None:
    """Features of a few recordings in all copies, and what failed, as one npz."""
    chunk, copies, path = task
    kept, failed, reasons, pieces = [], [], [], []
    for index in chunk:
        try:
            pieces.append(_copies_of(index, copies))
            kept.append(index)
        except InputError as error:
            failed.append(index)
            reasons.append(str(error))
    arrays = {"kept": kept, "failed": failed, "lengths": [len(piece[0]) for piece in pieces]}
    stored: dict[str, np.ndarray] = {key: np.array(value, dtype=np.int64) for key, value in arrays.items()}
    stored["reasons"] = np.array(reasons, dtype=np.str_)
    for copy in range(copies + 1):
        stored[f"copy{copy}"] = np.concatenate([piece[copy] for piece in pieces]) if pieces else np.empty((0, 0))
    with atomic_path(path) as temporary:
        np.savez(temporary, **stored)  # type: ignore[arg-type]


def _copies_of(index: int, copies: int) -> list[np.ndarray]:
    """float16 [T, F] features of one recording, not yet normalized: clean, then augmented `copies` times.

    With `features.vad` only frames of speech are kept, those of the clean recording in every copy.
    """
    import torch

    wave = _worker["utterances"][index].read()
    waves = [wave]
    seed = _worker["job"].seed
    augment = _worker["augment"].for_recording(np.random.default_rng((seed, 0, index)))
    for copy in range(1, copies + 1):
        waves.append(augment(wave, np.random.default_rng((seed, copy, index))))
    with torch.no_grad():
        frontend = _worker["frontend"]
        feats = [frontend.raw(torch.from_numpy(one)) for one in waves]
        speech = frontend.voiced(torch.from_numpy(wave)[None], len(feats[0]))[0]
        return [one[speech].numpy().astype(np.float16) for one in feats]
