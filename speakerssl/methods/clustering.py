"""K-means on the unit sphere by faiss, and which clusters lie next to which."""

import numpy as np

from speakerssl.errors import InputError

COSINES = 2**26  # that exist at a time
EVERY = 2**31 - 1  # faiss: no upper bound of the recordings that move a centroid


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows [N, D] to unit length, float32; rows of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def spherical_kmeans(units: np.ndarray, clusters: int, iterations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N] int64 and unit centroids [K, D] after Lloyd iterations by cosine from K random recordings.

    faiss computes, on all GPUs where its GPU build is installed and finds some, else on the CPU's cores; every
    recording takes part, and a cluster that has lost its members is split off another. The draw is that of `seed`.

    Raises InputError where there are more clusters than recordings.
    """
    import faiss

    if clusters > len(units):
        raise InputError(f"ssps: {clusters} clusters for {len(units)} recordings; lower 'clusters'")
    units = np.ascontiguousarray(units, dtype=np.float32)
    gpus = getattr(faiss, "get_num_gpus", int)()
    model = faiss.Kmeans(
        units.shape[1], clusters, niter=iterations, spherical=True, seed=seed, gpu=gpus > 0,
        min_points_per_centroid=1, max_points_per_centroid=EVERY,
    )  # fmt: skip
    model.train(units)
    _, labels = model.index.search(units, 1)
    return labels[:, 0].astype(np.int64), np.asarray(model.centroids, dtype=np.float32)


def neighbour_table(labels: np.ndarray, centroids: np.ndarray, neighbours: int) -> np.ndarray:
    """[K, M] int64, the clusters that positives of each cluster's members come from; only clusters with members.

    These are the M = `neighbours` nearest other centroids by cosine (fewer where there are not as many). With 0, or
    where there is no other cluster, it is the cluster itself, [K, 1].
    """
    present = np.unique(labels)
    count = min(neighbours, len(present) - 1)
    if count == 0:
        return np.arange(len(centroids))[:, None]
    table = np.zeros((len(centroids), count), dtype=np.int64)
    rows = max(1, COSINES // len(present))
    for start in range(0, len(present), rows):
        part = np.arange(start, min(start + rows, len(present)))
        cosines = centroids[present[part]] @ centroids[present].T
        cosines[np.arange(len(part)), part] = -np.inf
        table[present[part]] = present[np.argpartition(-cosines, count - 1, axis=1)[:, :count]]
    return table
