"""Embeddings to clusters, in the ways of the literature on pseudo-labels.

kmeans         spherical k-means to the number of clusters
agglomerative  average linkage by cosine; over `micro` recordings, k-means to `micro` clusters comes before it
               (arXiv 2304.05754 and others: 50,000, then 7,500 for VoxCeleb2)
spectral       by the eigenvectors of the graph of nearest neighbours, whose gaps tell the number of clusters
hdbscan        density, no number of clusters; recordings in no dense place get no cluster (-1)
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.clustering.agglomerative import Dendrogram, agglomerate
from speakerssl.clustering.kmeans import compact, spherical_kmeans
from speakerssl.clustering.number import estimate_clusters
from speakerssl.clustering.spectral import spectral
from speakerssl.errors import InputError, unknown_name

METHODS = ("kmeans", "agglomerative", "spectral", "hdbscan")
HDBSCAN_LIMIT = 50_000  # it compares all pairs


@dataclass(frozen=True)
class ClusterOptions:
    """What `cluster` is asked for.

    clusters: their number; None lets the silhouette of a dendrogram decide (not for hdbscan).
    micro: the most clusters that linkage starts from.
    linkage: ward or average, see agglomerative.py.
    threshold: with average linkage: merge while the mean cosine is at least this, in the place of a number.
    smallest: clusters of fewer recordings are dissolved: their recordings get none. For hdbscan, its own minimum.
    """

    method: str = "agglomerative"
    clusters: int | None = None
    micro: int = 10_000
    linkage: str = "ward"
    threshold: float | None = None
    smallest: int = 1
    iterations: int = 20
    seed: int = 0
    center: bool = True  # compare after the mean of all is removed; not where a threshold is that of plain cosines


def cluster(embeddings: np.ndarray, options: ClusterOptions, start: np.ndarray | None = None) -> np.ndarray:
    """The cluster of each of `embeddings` [N, D], int64 from 0; -1 where it has none.

    They are compared by cosine, after their mean is removed unless `options.center` is off.
    `start` [K, D] are embeddings of K centroids to begin
    k-means with. Raises InputError for an unknown method and options that do not go together.
    """
    if options.method not in METHODS:
        raise unknown_name("clustering", options.method, METHODS)
    if options.method == "hdbscan" and (options.clusters or options.threshold is not None):
        raise InputError("hdbscan finds the number of clusters itself; leave out clusters and threshold")
    if options.clusters is not None and options.threshold is not None:
        raise InputError("give the number of clusters or a threshold, not both")
    if options.threshold is not None and (options.method, options.linkage) != ("agglomerative", "average"):
        raise InputError("a threshold is a mean cosine: it goes with agglomerative clustering by average linkage")
    mean = embeddings.mean(0) if options.center else np.zeros(embeddings.shape[1], embeddings.dtype)
    units = to_units(embeddings - mean)
    if options.method == "hdbscan":
        return _hdbscan(units, options)
    if options.method == "spectral":
        return without_small(compact(spectral(units, options.clusters, options.seed)), options.smallest)
    if len(units) == 1:
        return np.zeros(1, np.int64)
    begin = None if start is None else to_units(start - mean)
    if options.method == "kmeans" and options.clusters is not None:
        labels, _ = spherical_kmeans(units, options.clusters, options.iterations, options.seed, begin)
        return without_small(compact(labels), options.smallest)
    micro, dendrogram = _dendrogram(units, options)
    if options.threshold is not None:
        joined = dendrogram.cut_at(1 - options.threshold)[micro]
    else:
        number = options.clusters or estimate_clusters(units, micro, dendrogram, seed=options.seed)[0]
        joined = dendrogram.cut(number)[micro]
    if options.method == "kmeans":
        number = int(joined.max()) + 1
        joined, _ = spherical_kmeans(units, number, options.iterations, options.seed, begin)
    return without_small(compact(joined), options.smallest)


def to_units(vectors: np.ndarray) -> np.ndarray:
    """Rows [N, D] of length 1, float32; rows of zeros stay."""
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def without_small(labels: np.ndarray, smallest: int) -> np.ndarray:
    """`labels` [N] with clusters of fewer than `smallest` recordings turned into -1, the others renumbered."""
    if smallest <= 1:
        return labels
    counts = np.bincount(labels[labels >= 0], minlength=1)
    return compact(np.where((labels >= 0) & (counts[labels] >= smallest), labels, -1))


def _dendrogram(units: np.ndarray, options: ClusterOptions) -> tuple[np.ndarray, Dendrogram]:
    """Micro-clusters [N] and the merges of these."""
    micro = np.arange(len(units))
    if len(units) > options.micro:
        micro = compact(spherical_kmeans(units, options.micro, options.iterations, options.seed)[0])
    if options.clusters is not None and not 1 <= options.clusters <= micro.max() + 1:
        raise InputError(f"{options.clusters} clusters of {len(units)} recordings; ask for 1 to {micro.max() + 1}")
    return micro, agglomerate(units, micro, options.linkage)


def _hdbscan(units: np.ndarray, options: ClusterOptions) -> np.ndarray:
    if len(units) > HDBSCAN_LIMIT:
        raise InputError(
            f"hdbscan compares all pairs of {len(units)} recordings; over {HDBSCAN_LIMIT} use agglomerative"
        )
    from sklearn.cluster import HDBSCAN

    model = HDBSCAN(min_cluster_size=max(2, options.smallest), copy=True)
    return np.asarray(model.fit_predict(units), np.int64)
