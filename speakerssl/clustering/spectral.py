"""Spectral clustering of unit vectors whose number of clusters the eigenvalues tell (Park et al. 2020)."""

import numpy as np
from scipy.linalg import LinAlgError, eigh
from sklearn.cluster import KMeans

from speakerssl.errors import InputError

LIMIT = 5000  # all pairs are compared, and eigenvectors cost the third power
MOST = 20  # clusters that are looked for where no number is given
NEIGHBOURS = (2, 3, 4, 6, 9, 13, 20, 30, 45, 70)  # that are tried


def spectral(units: np.ndarray, clusters: int | None = None, seed: int = 0) -> np.ndarray:
    """The cluster of each of `units` [N, D], int64 from 0.

    Each row keeps its nearest neighbours; of several numbers of them that is taken whose graph has the clearest gap
    between eigenvalues for its sparseness ("normalized maximum eigengap", arXiv 2003.02405), and the gap tells the
    number of clusters. K-means on the eigenvectors gives them.

    Raises InputError for more than `LIMIT` rows, or more clusters than rows.
    """
    count = len(units)
    if count > LIMIT:
        raise InputError(f"spectral clustering compares all pairs of {count} rows; over {LIMIT} use agglomerative")
    if clusters is not None and not 1 <= clusters <= count:
        raise InputError(f"{clusters} clusters of {count} recordings; ask for 1 to {count}")
    if count <= 2 or clusters == 1:
        return np.arange(count) if clusters == count else np.zeros(count, np.int64)
    similar = np.asarray(units, np.float64) @ units.T
    best: tuple[float, int, np.ndarray] | None = None
    for neighbours in sorted({min(number, count - 1) for number in NEIGHBOURS}):
        laplacian = _laplacian(similar, neighbours)
        wanted = min(count, (clusters or MOST) + 1)
        values, vectors, largest = _eigenvectors(laplacian, wanted)
        gaps = np.diff(values)
        number = clusters or int(gaps.argmax()) + 1
        gap = gaps[number - 1] if number <= len(gaps) else 0.0
        ratio = neighbours * largest / max(gap, 1e-12)
        if best is None or ratio < best[0]:
            best = ratio, number, vectors
    assert best is not None
    _, number, vectors = best
    if number == 1:
        return np.zeros(count, np.int64)
    rows = vectors[:, :number]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(KMeans(number, n_init=10, random_state=seed).fit_predict(rows), np.int64)


def _laplacian(similar: np.ndarray, neighbours: int) -> np.ndarray:
    """Of the graph that joins each row with its `neighbours` nearest, in either direction: [N, N], not normalized."""
    nearest = np.argpartition(-similar, neighbours, axis=1)[:, : neighbours + 1]
    graph = np.zeros_like(similar)
    np.put_along_axis(graph, nearest, 1.0, axis=1)
    graph = 0.5 * (graph + graph.T)
    np.fill_diagonal(graph, 0.0)
    laplacian: np.ndarray = np.diag(graph.sum(axis=1)) - graph
    return laplacian


def _eigenvectors(laplacian: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray, float]:
    """The `wanted` smallest eigenvalues, their vectors [N, wanted], and the largest eigenvalue."""
    last = len(laplacian) - 1
    try:
        values, vectors = eigh(laplacian, subset_by_index=[0, wanted - 1])
        largest = float(eigh(laplacian, eigvals_only=True, subset_by_index=[last, last])[0])
    except LinAlgError:  # LAPACK's fast method (syevr) gives up on some equal eigenvalues, on some processors
        values, vectors = eigh(laplacian, driver="evd")
        largest = float(values[-1])
    return values[:wanted], vectors[:, :wanted], largest
