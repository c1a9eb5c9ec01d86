"""Spherical k-means by faiss, for pseudo-labels and for sampled positives alike: one result for one seed."""

from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.executors import elsewhere, map_elsewhere

COSINES = 2**26  # that exist at a time
BLOCK = 2**16  # rows whose centroids are looked for at a time
EVERY = 2**31 - 1  # faiss: no upper bound of the rows that move a centroid


def spherical_kmeans(
    units: np.ndarray,
    clusters: int,
    iterations: int = 20,
    seed: int = 0,
    start: np.ndarray | None = None,
    sample: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The cluster, int64 [N], of each unit-length row [N, D], and the unit-length centroids [K, D], by cosine.

    faiss computes, on all GPUs where its GPU build is installed and finds some, else on the CPU's cores. A cluster that
    has lost its members is split off another.

    Args:
        clusters: K, at most N.
        iterations: of Lloyd's algorithm; all rows are assigned once more at the end.
        seed: of the draw of the first centroids.
        start: [K, D] centroids to begin with, such as those of the last round of pseudo-labels; None: K random rows.
        sample: the most rows a cluster, drawn at random, that move the centroids; None: all of them. faiss's own
            default is 256, which costs nothing in quality where clusters are larger (unverified).

    Raises:
        InputError: more clusters than rows.
    """
    import faiss

    if not 1 <= clusters <= len(units):
        raise InputError(f"{clusters} clusters of {len(units)} recordings; ask for 1 to {len(units)}")
    units = np.ascontiguousarray(units, np.float32)
    gpus = getattr(faiss, "get_num_gpus", int)()
    model = faiss.Kmeans(
        units.shape[1], clusters, niter=iterations, spherical=True, seed=seed, gpu=gpus > 0,
        min_points_per_centroid=1, max_points_per_centroid=EVERY if sample is None else sample,
    )  # fmt: skip
    model.train(units, init_centroids=None if start is None else np.ascontiguousarray(start, np.float32))
    centroids = np.asarray(model.centroids, np.float32)
    return _nearest(units, centroids, model.index), centroids


def _nearest(units: np.ndarray, centroids: np.ndarray, index: Any) -> np.ndarray:
    """The centroid of each of `units`, int64 [N], by faiss's `index` of them; by jobs on another executor.

    Blocks are the same everywhere, so that the last bits of a product are, too.
    """
    blocks = [units[begin : begin + BLOCK] for begin in range(0, len(units), BLOCK)]
    if elsewhere():
        found = list(map_elsewhere(_search, blocks, None, _start, (centroids,), consecutive=True))
    else:
        found = [index.search(block, 1)[1][:, 0] for block in blocks]
    return np.concatenate(found).astype(np.int64)


_worker: dict[str, Any] = {}


def _start(centroids: np.ndarray) -> None:
    import faiss

    _worker["index"] = faiss.IndexFlatIP(centroids.shape[1])
    _worker["index"].add(centroids)


def _search(block: np.ndarray) -> np.ndarray:
    return _worker["index"].search(block, 1)[1][:, 0]


def assign(units: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The nearest of the unit-length `centroids` [K, D] to each of `units` [N, D], int64 [N], in blocks."""
    columns = np.ascontiguousarray(centroids.T)
    rows = max(1, COSINES // columns.shape[1])
    return np.concatenate([(units[i : i + rows] @ columns).argmax(1) for i in range(0, len(units), rows)])
