"""Spherical k-means on millions of embeddings: faiss, in blocks, with all draws from a seed."""

import numpy as np

from speakerssl.errors import InputError

BLOCK = 65536  # embeddings that are compared with the centroids at a time


def spherical_kmeans(
    units: np.ndarray,
    clusters: int,
    iterations: int = 20,
    seed: int = 0,
    start: np.ndarray | None = None,
    sample: int = 256,
) -> tuple[np.ndarray, np.ndarray]:
    """The cluster [N] of each unit-length row [N, D], and the unit-length centroids [K, D], by cosine.

    `start` [K, D] are centroids to begin with, such as those of the last iteration of pseudo-labels; without it K
    random rows. At most `sample` rows a centroid are used to move the centroids (faiss's own rule, which at 256 costs
    nothing in quality); all rows are assigned.

    Raises InputError for more clusters than rows.
    """
    import faiss

    if not 1 <= clusters <= len(units):
        raise InputError(f"{clusters} clusters of {len(units)} recordings; ask for 1 to {len(units)}")
    units = np.ascontiguousarray(units, np.float32)
    model = faiss.Kmeans(
        units.shape[1], clusters, niter=iterations, spherical=True, seed=seed,
        min_points_per_centroid=1, max_points_per_centroid=sample,
    )  # fmt: skip
    model.train(units, init_centroids=None if start is None else np.ascontiguousarray(start, np.float32))
    centroids = np.asarray(model.centroids, np.float32)
    return assign(units, centroids), centroids


def assign(units: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The nearest of the unit-length `centroids` [K, D] to each of `units` [N, D], int64 [N], in blocks."""
    columns = np.ascontiguousarray(centroids.T)
    blocks = range(0, len(units), BLOCK)
    return np.concatenate([_nearest(units[start : start + BLOCK], columns) for start in blocks])


def _nearest(units: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """As `assign`, in pieces of at most 2^26 cosines."""
    rows = max(1, 2**26 // columns.shape[1])
    return np.concatenate([(units[i : i + rows] @ columns).argmax(1) for i in range(0, len(units), rows)])


def compact(labels: np.ndarray) -> np.ndarray:
    """Labels [N] renamed to 0, 1, 2, ... without gaps; -1 (no cluster) stays."""
    names, renamed = np.unique(labels, return_inverse=True)
    return renamed.reshape(labels.shape) - int(len(names) > 0 and names[0] == -1)
