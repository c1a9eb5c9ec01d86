"""Makes a feature store, one process a core; a copy that is complete is not made again."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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

    Recordings that cannot be read are listed in `failed.txt` and left out of every copy. Interrupted, it goes
    on with the copy that it was at.

    Raises:
        InputError: `output` holds a store made otherwise, or nothing could be read.
        JobError: some recordings failed, after all else is done.
    """
    output = Path(output)
    info = {"copies": copies + 1, **_described(job)}
    _check_resumable(output, info)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "making.json", json.dumps(info))
    utterances = _utterances(job)
    if not utterances:
        raise InputError(f"{', '.join(job.data_dirs)}: no recording is left to store")
    with ProcessPoolExecutor(jobs or os.cpu_count(), initializer=_start_worker, initargs=(job,)) as pool:
        kept, failed = _write_clean(pool, output, utterances, f"features of {len(utterances)} recordings")
        for copy in range(1, copies + 1):
            _write_copy(pool, output, kept, copy, f"augmented copy {copy} of {copies}")
    write_text(output / "info.json", json.dumps(info, indent=1))
    (output / "making.json").unlink()
    if failed:
        raise JobError(f"{len(failed)} recordings could not be read; {output / 'failed.txt'} lists them")
    return len(kept)


def _write_clean(
    pool: ProcessPoolExecutor, output: Path, utterances: Sequence[Utterance], description: str
) -> tuple[list[int], list[str]]:
    """Copy 0, the index and `failed.txt`; returns positions in `utterances` of those kept, and the failures."""
    places = {utterance.id: i for i, utterance in enumerate(utterances)}
    if (output / "copy-00.npy").exists():
        failed = (output / "failed.txt").read_text().splitlines() if (output / "failed.txt").exists() else []
        return [places[key] for key in np.load(output / "index.npz")["ids"].tolist()], failed
    kept, pieces, failed = [], [], []
    for index, piece in _run(pool, list(range(len(utterances))), 0, description):
        if isinstance(piece, str):
            failed.append(f"{utterances[index].id}\t{piece}")
        else:
            kept.append(index)
            pieces.append(piece)
    if not pieces:
        raise InputError(f"no recording could be read; the first: {failed[0].partition(chr(9))[2]}")
    if failed:
        write_text(output / "failed.txt", "".join(f"{line}\n" for line in failed))
    with atomic_path(output / "index.npz") as temporary:
        ids = np.array([utterances[i].id for i in kept])
        np.savez(temporary, ids=ids, offsets=np.cumsum([0] + [len(piece) for piece in pieces]))
    _save(output / "copy-00.npy", pieces)
    return kept, failed


def _write_copy(pool: ProcessPoolExecutor, output: Path, kept: list[int], copy: int, description: str) -> None:
    target = output / f"copy-{copy:02d}.npy"
    if target.exists():
        return
    pieces = []
    for _, piece in _run(pool, kept, copy, description):
        if isinstance(piece, str):
            raise JobError(f"{piece} (it could be read a moment ago); run again to go on from here")
        pieces.append(piece)
    _save(target, pieces)


def _run(
    pool: ProcessPoolExecutor, indices: list[int], copy: int, description: str
) -> Iterator[tuple[int, np.ndarray | str]]:
    """(position, features or the reason why there are none) in order."""
    chunks = [indices[i : i + CHUNK] for i in range(0, len(indices), CHUNK)]
    results = pool.map(_features_of, chunks, [copy] * len(chunks))
    for chunk, result in zip(chunks, progress(results, len(chunks), description)):
        yield from zip(chunk, result)


def _save(path: Path, pieces: list[np.ndarray]) -> None:
    with atomic_path(path) as temporary:
        np.save(temporary, np.concatenate(pieces))


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
    _worker.update(job=job, utterances=utterances, frontend=FeatureFrontend(job.features).raw, augment=augmenter)


def _features_of(indices: list[int], copy: int) -> list[np.ndarray | str]:
    import torch

    results: list[np.ndarray | str] = []
    for index in indices:
        try:
            wave = _worker["utterances"][index].read()
            if copy:
                wave = _worker["augment"](wave, np.random.default_rng((_worker["job"].seed, copy, index)))
            with torch.no_grad():
                results.append(_worker["frontend"](torch.from_numpy(wave)).numpy().astype(np.float16))
        except InputError as error:
            results.append(str(error))
    return results
