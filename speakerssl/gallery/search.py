"""The nearest of many unit vectors: exact for thousands, through a compressed index and exactly re-ranked for millions.

faiss's product quantizer with 4-bit codes scans a million vectors of 192 numbers in about 10 ms; the thousand best by
their codes are compared again exactly, so scores are always true cosines.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.io import atomic_path

EXACT_BELOW = 50_000  # speakers; a scan of so many takes a few milliseconds
RERANKED = 1000  # best by their codes, compared again exactly
STALE_SHARE = 0.05  # of all speakers; so many changed ones, which are searched exactly, make the index be built anew
TRAINED_ON = 65_536  # vectors that the quantizer is fitted to


class SpeakerSearch:
    """Unit vectors [N, D] with ids [N], searched by cosine; kept up to date by `update`.

    Args:
        index_path: where the compressed index of a large gallery is kept between runs; None: made anew each time.
    """

    def __init__(self, index_path: str | Path | None = None) -> None:
        self.index_path = None if index_path is None else Path(index_path)
        self.ids = np.zeros(0, np.int64)
        self.vectors = np.zeros((0, 0), np.float32)
        self._index: Any = None
        self._indexed = np.zeros(0, np.int64)  # ids [M] by their place in the index
        self._fresh = np.zeros(0, np.int64)  # ids that have changed since the index was made

    def __len__(self) -> int:
        return len(self.ids)

    def update(self, ids: np.ndarray, vectors: np.ndarray, removed: np.ndarray, generation: int) -> None:
        """Takes new or changed vectors in and removed ids out; `generation` says of which state a kept index is."""
        first = not len(self.ids)
        if len(removed) or (len(ids) and not first):
            kept = ~np.isin(self.ids, np.concatenate([ids, removed]))
            self.ids, self.vectors = self.ids[kept], self.vectors[kept]
        if len(ids):
            whole = len(self.ids) == 0
            self.ids = ids if whole else np.concatenate([self.ids, ids])
            self.vectors = vectors if whole else np.concatenate([self.vectors, vectors])
        order = np.argsort(self.ids, kind="stable")
        if not np.array_equal(order, np.arange(len(order))):
            self.ids, self.vectors = self.ids[order], self.vectors[order]
        self._fresh = np.union1d(self._fresh, ids) if self._index is not None else self._fresh
        if len(self.ids) < EXACT_BELOW:
            self._index = None
        elif self._index is None or len(self._fresh) > STALE_SHARE * len(self.ids):
            self._load_or_build(generation)

    def nearest(self, vector: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids [top] and cosines float32 [top] of the speakers nearest to a unit vector [D], best first."""
        if not len(self.ids):
            return self.ids, np.zeros(0, np.float32)
        rows = np.arange(len(self.ids)) if self._index is None else self._rows_by_index(vector, max(RERANKED, top))
        scores = self.vectors[rows] @ vector if self._index is not None else self.vectors @ vector
        # Equal scores come in the order of enrolment, however they were found.
        best = np.lexsort((self.ids[rows], -scores))[:top]
        return self.ids[rows[best]], scores[best]

    def _rows_by_index(self, vector: np.ndarray, count: int) -> np.ndarray:
        _, places = self._index.search(vector[None], min(count, len(self._indexed)))
        found = np.union1d(self._indexed[places[0][places[0] >= 0]], self._fresh)
        rows = np.minimum(np.searchsorted(self.ids, found), len(self.ids) - 1)
        return rows[self.ids[rows] == found]  # without the removed ones

    def _load_or_build(self, generation: int) -> None:
        import faiss

        size = self.vectors.shape[1]
        stamp = np.array([generation, size, len(self.ids), int(self.ids.sum()) % 2**62], np.int64)
        self._indexed, self._fresh = self.ids, np.zeros(0, np.int64)
        if self.index_path is not None and (found := _read_index(self.index_path, stamp)) is not None:
            self._index = found
            return
        parts = next(count for count in (size // 2, size) if size % count == 0)
        index = faiss.IndexPQFastScan(size, parts, 4, faiss.METRIC_INNER_PRODUCT)
        chosen = np.random.default_rng(0).choice(len(self.ids), min(TRAINED_ON, len(self.ids)), replace=False)
        index.train(self.vectors[np.sort(chosen)])
        index.add(self.vectors)
        self._index = index
        if self.index_path is not None:
            _write_index(self.index_path, index, stamp)


def _read_index(path: Path, stamp: np.ndarray) -> Any:
    """The index of exactly this state of the gallery, or None: an index is made anew rather than trusted."""
    import faiss

    stamp_path = path.with_name(path.name + ".stamp.npy")
    try:
        if not np.array_equal(np.load(stamp_path, allow_pickle=False), stamp):
            return None
        return faiss.read_index(os.fspath(path))
    except (OSError, ValueError, RuntimeError):
        return None


def _write_index(path: Path, index: Any, stamp: np.ndarray) -> None:
    import faiss

    stamp_path = path.with_name(path.name + ".stamp.npy")
    try:
        stamp_path.unlink(missing_ok=True)
        with atomic_path(path) as temporary:
            faiss.write_index(index, os.fspath(temporary))
        with atomic_path(stamp_path) as temporary:
            np.save(temporary, stamp)
    except OSError:
        return  # a read-only place: the index is built anew next time
