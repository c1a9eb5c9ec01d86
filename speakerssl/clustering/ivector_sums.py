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


def sum_recordings(
    folder: Path, load: Load, most: int, jobs: int, group: int = GROUP, covariances: bool = True
) -> Sums:
    """Sums over the `most` longest recordings of the frames in `folder`, as Kaldi chooses them.

    A group's sums are added to those before it, so that the numbers are the same wherever a group was summed. On
    another executor `jobs` of its jobs take the groups and leave their sums in `folder` until they are added.

    Args:
        load: gives the extractor; a job calls it where it runs.
        group: recordings.
        covariances: whether the sums are to tell the residual covariances too.
    """
    store = open_frames(folder)
    chosen = np.sort(np.argsort(-np.diff(store.offsets), kind="stable")[:most])
    groups = [chosen[begin : begin + group] for begin in range(0, len(chosen), group)]
    if not elsewhere():
        extractor = load()
        here = progress(groups, len(groups), "total variability")
        return functools.reduce(Sums.add, (_sums(extractor, store, one, covariances) for one in here))
    for path in folder.glob("sums-*.npz"):
        path.unlink()  # of a run that was killed
    tasks = [(folder / f"sums-{index:05d}.npz", one) for index, one in enumerate(groups)]
    done = map_processes(_write_sums, tasks, jobs, _start, (folder, load, covariances))
    for _ in progress(done, len(tasks), "total variability"):
        pass
    return functools.reduce(Sums.add, (_taken(path) for path, _ in tasks))


_worker: dict[str, Any] = {}


def _start(folder: Path, load: Load, covariances: bool) -> None:
    _worker.update(extractor=load(), store=open_frames(folder), covariances=covariances)


def _write_sums(task: tuple[Path, np.ndarray]) -> None:
    path, group = task
    with atomic_path(path) as temporary:
        np.savez(temporary, **vars(_sums(_worker["extractor"], _worker["store"], group, _worker["covariances"])))


def _taken(path: Path) -> Sums:
    """The sums in a file, which is removed."""
    with np.load(path) as found:
        numbers = {"total": int(found["total"]), "objective": float(found["objective"])}
        sums = Sums(**{**{name: found[name] for name in found.files}, **numbers})
    path.unlink()
    return sums


def _sums(extractor: IVectorExtractor, store: FrameStore, group: np.ndarray, covariances: bool) -> Sums:
    squares = np.zeros(extractor.residuals.shape) if covariances else None
    batches = (
        whitened_statistics(extractor.mixture, [store[int(i)] for i in batch], extractor.residuals, squares)
        for batch in (group[begin : begin + BATCH] for begin in range(0, len(group), BATCH))
    )
    return Sums.of(extractor, batches, squares)
