"""K-means on the unit sphere, and which clusters lie next to which."""

import numpy as np
import torch

COSINES = 2**26  # that exist at a time
CPU = torch.device("cpu")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows [N, D] to unit length, float32; rows of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def spherical_kmeans(
    units: np.ndarray, clusters: int, iterations: int, rng: np.random.Generator, device: torch.device = CPU
) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N] and unit centroids [K, D] after Lloyd iterations by cosine from K random recordings.

    A cluster that has lost all its members starts again from a recording that is far from its centroid.
    """
    centroids = units[rng.choice(len(units), clusters, replace=False)]
    for _ in range(iterations):
        labels, closeness = assign(units, centroids, device)
        order = np.argsort(labels, kind="stable")
        present, starts = np.unique(labels[order], return_index=True)
        centroids = centroids.copy()
        centroids[present] = unit(np.add.reduceat(units[order], starts, axis=0))
        empty = np.setdiff1d(np.arange(clusters), present)
        centroids[empty] = units[np.argsort(closeness, kind="stable")[: len(empty)]]
    return assign(units, centroids, device)[0], centroids


def assign(units: np.ndarray, centroids: np.ndarray, device: torch.device = CPU) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centroid of each row [N], and the cosine with it [N]; the product is taken on `device`."""
    columns = torch.from_numpy(centroids).to(device).T
    rows = max(1, COSINES // len(centroids))
    best = [(torch.from_numpy(part).to(device) @ columns).max(dim=1) for part in _parts(units, rows)]
    labels, closeness = (torch.cat(found).cpu().numpy() for found in zip(*((b.indices, b.values) for b in best)))
    return labels, closeness


def nearest_clusters(labels: np.ndarray, centroids: np.ndarray, neighbours: int) -> dict[int, np.ndarray]:
    """{cluster: the clusters that positives of its members come from}; only clusters with members.

    With `neighbours` 0, or where there is no other cluster, that is the cluster itself.
    """
    present = np.unique(labels)
    count = min(neighbours, len(present) - 1)
    if count == 0:
        return {int(cluster): np.array([cluster]) for cluster in present}
    near = {}
    for part in _parts(np.arange(len(present)), max(1, COSINES // len(present))):
        cosines = centroids[present[part]] @ centroids[present].T
        cosines[np.arange(len(part)), part] = -np.inf
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        near.update({int(present[row]): present[columns] for row, columns in zip(part, best)})
    return near


def _parts(values: np.ndarray, rows: int) -> list[np.ndarray]:
    return [values[start : start + rows] for start in range(0, len(values), rows)]
