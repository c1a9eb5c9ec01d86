"""K-means for pseudo-labels: `speakerssl.kmeans` (faiss) on a sample of each cluster, and labels without gaps."""

import numpy as np

from speakerssl import kmeans
from speakerssl.kmeans import assign

__all__ = ["assign", "compact", "spherical_kmeans"]

SAMPLE = 256  # rows a cluster that move its centroid: faiss's own rule


def spherical_kmeans(
    units: np.ndarray, clusters: int, iterations: int = 20, seed: int = 0, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`speakerssl.kmeans.spherical_kmeans` with at most `SAMPLE` rows a cluster: clusters [N], centroids [K, D]."""
    return kmeans.spherical_kmeans(units, clusters, iterations, seed, start, SAMPLE)


def compact(labels: np.ndarray) -> np.ndarray:
    """Labels [N] renamed to 0, 1, 2, ... without gaps; -1 (no cluster) stays."""
    names, renamed = np.unique(labels, return_inverse=True)
    return renamed.reshape(labels.shape) - int(len(names) > 0 and names[0] == -1)
