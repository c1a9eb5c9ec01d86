"""The E step of i-vectors over a corpus, in groups of recordings: here, or as jobs of another executor."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.clustering.ivector import IVectorExtractor, Sums, whitened_statistics
from speakerssl.clustering.ivector_features import FrameStore, open_frames
from speakerssl.executors import elsewhere
from speakerssl.io import atomic_path, progress
from speakerssl.processes import map_processes

BATCH = 64  # recordings
GROUP = 64 * BATCH  # recordings whose sums are one item of work, and one file on another executor
Load = Callable[[], IVectorExtractor]


def sum_recordings(folder: Path, load: Load, most: int, jobs: int, group: int = GROUP) -> Sums:
    """Sums over the `most` longest recordings of the frames in `folder`, as Kaldi chooses them.

    A group's sums are added to those before it, so that the numbers are the same wherever a group was summed. On
    another executor `jobs` of its jobs take the groups and leave their sums in `folder` until they are added.

    Args:
        load: gives the extractor; a job calls it where it runs.
        group: recordings.
    """
    store = open_frames(folder)
    chosen = np.sort(np.argsort(-np.diff(store.offsets), kind="stable")[:most])
    groups = [chosen[begin : begin + group] for begin in range(0, len(chosen), group)]
    if not elsewhere():
        extractor = load()
        here = progress(groups, len(groups), "total variability")
        return functools.reduce(Sums.add, (_sums(extractor, store, one) for one in here))
    for path in folder.glob("sums-*.npz"):
        path.unlink()  # of a run that was killed
    tasks = [(folder / f"sums-{index:05d}.npz", one) for index, one in enumerate(groups)]
    done = map_processes(_write_sums, tasks, jobs, _start, (folder, load))
    for _ in progress(done, len(tasks), "total variability"):
        pass
    return functools.reduce(Sums.add, (_taken(path) for path, _ in tasks))


_worker: dict[str, Any] = {}


def _start(folder: Path, load: Load) -> None:
    _worker.update(extractor=load(), store=open_frames(folder))


def _write_sums(task: tuple[Path, np.ndarray]) -> None:
    path, group = task
    with atomic_path(path) as temporary:
        np.savez(temporary, **vars(_sums(_worker["extractor"], _worker["store"], group)))


def _taken(path: Path) -> Sums:
    """The sums in a file, which is removed."""
    with np.load(path) as found:
        sums = Sums(found["left"], found["right"], found["mean"], found["second"])
        sums.total, sums.objective = int(found["total"]), float(found["objective"])
    path.unlink()
    return sums


def _sums(extractor: IVectorExtractor, store: FrameStore, group: np.ndarray) -> Sums:
    batches = (group[begin : begin + BATCH] for begin in range(0, len(group), BATCH))
    mixture = extractor.mixture
    return Sums.of(extractor, (whitened_statistics(mixture, [store[int(i)] for i in batch]) for batch in batches))
