"""How good clusters are: against labels where someone asks for it, and without any by the silhouette."""

import numpy as np

from speakerssl.clustering.agglomerative import cluster_means


def purity(labels: np.ndarray, truth: np.ndarray) -> float:
    """The share of recordings whose cluster has their speaker as its most frequent one."""
    pairs, counts = np.unique(np.stack([labels, truth]), axis=1, return_counts=True)
    order = np.argsort(pairs[0], kind="stable")
    starts = np.flatnonzero(np.diff(pairs[0][order], prepend=pairs[0].min() - 1))
    return float(np.maximum.reduceat(counts[order], starts).sum() / len(labels))


def normalized_mutual_information(labels: np.ndarray, truth: np.ndarray) -> float:
    """NMI, from 0 to 1: mutual information over the mean of both entropies."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels))


def silhouette(units: np.ndarray, labels: np.ndarray) -> float:
    """The mean of (a - b) / (1 - min(a, b)), with cosines to means: a to the own cluster's others, b to the next best.

    The silhouette (Rousseeuw 1987) of average cosine distances, which are 1 less the product with a cluster's mean;
    a recording alone in its cluster counts 0. `units` [N, D] have unit length, `labels` [N] are 0 to K - 1.
    """
    means, sizes = cluster_means(units, labels)
    if len(means) == 1:
        return 0.0
    total = 0.0
    rows = max(1, 2**25 // len(means))
    for start in range(0, len(units), rows):
        part, own = units[start : start + rows], labels[start : start + rows]
        cosines = part @ means.T
        at = np.arange(len(part)), own
        size = sizes[own]
        inside = (size * cosines[at] - (part * part).sum(1)) / np.maximum(size - 1, 1)
        cosines[at] = -np.inf
        outside = cosines.max(1)
        value = (inside - outside) / np.maximum(1 - np.minimum(inside, outside), 1e-12)
        total += float(np.where(size > 1, value, 0.0).sum())
    return total / len(units)
