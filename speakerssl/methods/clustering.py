"""What methods that cluster need beside `speakerssl.kmeans`: unit vectors, and which clusters lie next to which."""

import numpy as np

COSINES = 2**26  # that exist at a time


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows [N, D] to unit length, float32; rows of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


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
