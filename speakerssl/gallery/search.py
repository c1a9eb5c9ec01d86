"""The nearest of many unit vectors: exact for thousands, through a compressed index and exactly re-ranked for millions.

faiss's product quantizer with 4-bit codes scans a million vectors of 192 numbers in about 10 ms; the thousand best by
their codes are compared again exactly, so scores are always true cosines.
"""

import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.errors import OutputError
from speakerssl.io import atomic_path

EXACT_BELOW = 50_000  # speakers; a scan of so many takes a few milliseconds
RERANKED = 1000  # best by their codes, compared again exactly
STALE_SHARE = 0.05  # of all speakers; so many changed ones, which are searched exactly, make the index be built anew
TRAINED_ON = 65_536  # vectors that the quantizer is fitted to
BLOCK = 20_000  # vectors whose checksums are taken at a time


class SpeakerSearch:
    """Unit vectors [N, D] with ids [N], searched by cosine; kept up to date by `update`.

    Args:
        index_path: where the compressed index of a large gallery is kept between runs; None: made anew each time.
            A kept one serves also after changes: the vectors that differ from it are compared exactly.
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

    def update(self, ids: np.ndarray, vectors: np.ndarray, removed: np.ndarray) -> None:
        """Takes new or changed vectors in and removed ids out."""
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
        elif self._index is None:
            self._load_or_build()
        elif self._is_stale():
            self._build()

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

    def _is_stale(self) -> bool:
        return len(self._fresh) > STALE_SHARE * len(self.ids)

    def _load_or_build(self) -> None:
        """The kept index, with what has changed since searched beside it; built anew where that is too much."""
        found = None if self.index_path is None else _read_index(self.index_path, self.vectors.shape[1])
        if found is not None:
            self._index, self._indexed, checks = found
            place = np.minimum(np.searchsorted(self._indexed, self.ids), len(self._indexed) - 1)
            known = (self._indexed[place] == self.ids) & (checks[place] == checksums(self.vectors))
            self._fresh = self.ids[~known]
        if found is None or self._is_stale():
            self._build()

    def _build(self) -> None:
        import faiss

        size = self.vectors.shape[1]
        parts = next(count for count in (size // 2, size) if size % count == 0)
        index = faiss.IndexPQFastScan(size, parts, 4, faiss.METRIC_INNER_PRODUCT)
        chosen = np.random.default_rng(0).choice(len(self.ids), min(TRAINED_ON, len(self.ids)), replace=False)
        index.train(self.vectors[np.sort(chosen)])
        index.add(self.vectors)
        self._index, self._indexed, self._fresh = index, self.ids, np.zeros(0, np.int64)
        if self.index_path is not None:
            _write_index(self.index_path, index, self.ids, checksums(self.vectors))


def checksums(vectors: np.ndarray) -> np.ndarray:
    """A number uint64 [N] of the bits of each of vectors float32 [N, D]: tells which have changed since."""
    bits = np.ascontiguousarray(vectors, np.float32).view(np.uint32)
    weights = np.random.default_rng(1).integers(0, 2**63, bits.shape[1], np.uint64) | np.uint64(1)
    found = np.empty(len(bits), np.uint64)
    for start in range(0, len(bits), BLOCK):
        found[start : start + BLOCK] = (bits[start : start + BLOCK] * weights).sum(axis=1, dtype=np.uint64)
    return found


def _read_index(path: Path, size: int) -> tuple[Any, np.ndarray, np.ndarray] | None:
    """(index, its ids [M] ascending, the checksums [M] of its vectors), or None where there is none of this size."""
    import faiss

    try:
        with np.load(path, allow_pickle=False) as file:
            index = faiss.deserialize_index(file["index"])
            ids, checks = file["ids"], file["checks"]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None
    whole = index.d == size and len(ids) == len(checks) == index.ntotal > 0
    return (index, ids, checks) if whole else None


def _write_index(path: Path, index: Any, ids: np.ndarray, checks: np.ndarray) -> None:
    """One file, so that an index never meets the ids of another; a place that cannot be written is left alone."""
    import faiss

    # Where it cannot be written, it is built anew next time.
    with suppress(OSError, OutputError), atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, index=faiss.serialize_index(index), ids=ids, checks=checks)
