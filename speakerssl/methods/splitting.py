"""Clusters divided where their recordings are less alike than the halves of one recording: no label is read.

k-means gives every recording a cluster to share, whether or not anything else in the corpus is its speaker's. Of a
speaker with one recording it makes a member of somebody else's cluster. How alike one speaker's speech is, one session
and other words, is known without labels from the two halves of each recording; a cluster whose members are not as
alike as that holds several speakers. Clusters are divided by agglomerative clustering with average linkage.
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from speakerssl.kmeans import spherical_kmeans
from speakerssl.methods.clustering import unit

LARGEST = 4096  # recordings whose pairs are all held at once (128 MB); a larger cluster is first halved by k-means


def split_clusters(units: np.ndarray, labels: np.ndarray, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N] of the divided clusters, from 0 on, and their centroids [K, D], of unit length.

    Two recordings belong together where their cosine is at least the mean of their two `alike`, two groups where it is
    so on average over the pairs between them.

    Args:
        units: [N, D], one unit vector a recording.
        labels: [N] int, the cluster of each.
        alike: [N], the cosine between the two halves of each recording.
    """
    order = np.argsort(labels, kind="stable")
    edges = np.flatnonzero(np.diff(labels[order])) + 1
    divided = np.empty(len(labels), dtype=np.int64)
    count = 0
    for members in np.split(order, edges):
        parts = _divide(units[members], alike[members])
        divided[members] = count + parts
        count += int(parts.max()) + 1
    sums = np.zeros((count, units.shape[1]), dtype=np.float32)
    np.add.at(sums, divided, units)
    return divided, unit(sums)


def _divide(units: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """The part [M] of each member of one cluster, from 0 on."""
    if len(units) == 1:
        return np.zeros(1, dtype=np.int64)
    if len(units) > LARGEST:
        side = spherical_kmeans(units, 2, 10, 0)[0] == 1
        if side.all() or not side.any():  # all are one vector
            return np.zeros(len(units), dtype=np.int64)
        parts = np.empty(len(units), dtype=np.int64)
        parts[~side] = _divide(units[~side], alike[~side])
        parts[side] = parts[~side].max() + 1 + _divide(units[side], alike[side])
        return parts
    # 1 where a pair is just as alike as halves are; average linkage needs distances from 0 on.
    distance = 1 - beyond_halves(units, units, alike, alike)
    steps = linkage(squareform(np.maximum(distance, 0), checks=False), "average")
    return fcluster(steps, 1.0, "distance").astype(np.int64) - 1


def beyond_halves(units: np.ndarray, others: np.ndarray, alike: np.ndarray, others_alike: np.ndarray) -> np.ndarray:
    """[N, M], by how much the cosine of each pair of `units` [N, D] and `others` [M, D] lies above the mean of the two
    recordings' own between halves, `alike` [N] and `others_alike` [M]."""
    return units @ others.T - (alike[:, None] + others_alike) / 2


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[N], the cosine between embeddings [N, D] of the first and of the second halves of recordings."""
    return np.einsum("nd,nd->n", unit(first), unit(second))
