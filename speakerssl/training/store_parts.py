"""The parts of a feature store that is being made: a few recordings each, named by all that decides their features."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.data.store import FeatureStore
from speakerssl.errors import InputError
from speakerssl.io import atomic_path, write_text
from speakerssl.resume import Identity

CHUNK = 32  # recordings a part: small enough for a live progress bar, large enough to hide the pickling
VERSION = 1  # of what a part holds


@dataclass(frozen=True)
class Part:
    """Features of the recordings `indices` of the list, in all copies, as the npz `path`."""

    indices: range
    path: Path


def plan_parts(identity: Identity, folder: Path, draws_voices: bool) -> list[Part]:
    """The parts of a store. A part's name changes with the options, its recordings, their places in the list and,
    where the augmentation draws voices from the whole list, with any recording."""
    keys = list(identity.recordings)
    voices = repr(sorted(identity.recordings.items())) if draws_voices else ""
    common = hashlib.sha256(f"{VERSION} {identity.options_digest} {voices}".encode()).hexdigest()
    parts = []
    for number, begin in enumerate(range(0, len(keys), CHUNK)):
        chunk = range(begin, min(begin + CHUNK, len(keys)))
        listed = [(index, keys[index], identity.recordings[keys[index]]) for index in chunk]
        digest = hashlib.sha256(f"{common} {listed}".encode()).hexdigest()[:16]
        parts.append(Part(chunk, folder / f"{number:06d}-{digest}.npz"))
    return parts


def remove_other_parts(folder: Path, parts: Sequence[Part]) -> None:
    """Removes what another list or other options have left in `folder`."""
    wanted = {part.path.name for part in parts}
    for name in os.listdir(folder) if folder.is_dir() else ():
        if name not in wanted and name != ".lock":
            (folder / name).unlink()


def carry_over(output: Path, before: Sequence[Part], parts: Sequence[Part], ids: Sequence[str]) -> None:
    """Cuts those of `parts` that the finished store in `output` holds already (under the same name) out of it."""
    known = {part.path.name for part in before}
    store = FeatureStore(output)
    rows = {key: row for row, key in enumerate(store.ids)}
    for part in parts:
        keys = [ids[index] for index in part.indices]
        if part.path.name not in known or part.path.exists() or not all(key in rows for key in keys):
            continue  # one that failed before is tried again
        copies = [[np.array(store.frames(rows[key], copy)) for key in keys] for copy in range(store.num_copies)]
        save_part(part.path, list(part.indices), [list(of_one) for of_one in zip(*copies)], {})


def save_part(
    path: Path, kept: Sequence[int], features: Sequence[Sequence[np.ndarray]], failed: dict[int, str]
) -> None:
    """Writes one part: `features[i][copy]` [T, F] of the recordings `kept`, and why those of `failed` have none."""
    number = len(features[0]) if features else 0
    stored: dict[str, np.ndarray] = {
        "kept": np.array(kept, dtype=np.int64),
        "lengths": np.array([len(of_one[0]) for of_one in features], dtype=np.int64),
        "failed": np.array(list(failed), dtype=np.int64),
        "reasons": np.array(list(failed.values()), dtype=np.str_),
    }
    for copy in range(number):
        stored[f"copy{copy}"] = np.concatenate([of_one[copy] for of_one in features])
    with atomic_path(path) as temporary:
        np.savez(temporary, **stored)  # type: ignore[arg-type]


def merge_parts(parts: Sequence[Part], output: Path, copies: int, ids: Sequence[str]) -> dict[str, str]:
    """Parts in order become one file a copy and the index; returns {id: reason} of what failed.

    No more than a part is held in memory. Raises InputError where nothing could be read.
    """
    kept: list[int] = []
    lengths: list[int] = []
    failed: dict[str, str] = {}
    feat_dim = 0
    for part in parts:
        with np.load(part.path) as stored:
            kept += stored["kept"].tolist()
            lengths += stored["lengths"].tolist()
            failed.update((ids[i], reason) for i, reason in zip(stored["failed"].tolist(), stored["reasons"].tolist()))
            feat_dim = stored["copy0"].shape[1] if len(stored["kept"]) else feat_dim
    if not kept:
        raise InputError(f"no recording could be read; the first: {next(iter(failed.values()))}")
    for copy in range(copies):
        with atomic_path(output / f"copy-{copy:02d}.npy") as temporary:
            whole = np.lib.format.open_memmap(temporary, "w+", np.float16, (sum(lengths), feat_dim))
            begin = 0
            for part in parts:
                with np.load(part.path) as stored:
                    if len(stored["kept"]):
                        features = stored[f"copy{copy}"]
                        whole[begin : begin + len(features)] = features
                        begin += len(features)
            whole.flush()
            del whole
    with atomic_path(output / "index.npz") as temporary:
        np.savez(temporary, ids=np.array([ids[i] for i in kept]), offsets=np.cumsum([0, *lengths]))
    if failed:
        write_text(output / "failed.txt", "".join(f"{key}\t{reason}\n" for key, reason in failed.items()))
    else:
        (output / "failed.txt").unlink(missing_ok=True)
    return failed
