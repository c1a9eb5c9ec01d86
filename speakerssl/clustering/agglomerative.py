"""Agglomerative clustering of unit vectors without a distance matrix: 50,000 clusters in the memory of their means.

Ward's linkage joins the two clusters whose union costs the least: n_a n_b / (n_a + n_b) |m_a - m_b|^2, the rise of the
sum of squares about the means. Average linkage joins those with the highest mean cosine between members, which for
unit vectors is the product m_a . m_b. Both need only means and sizes, so that they go on from the clusters of a
k-means as exactly as from single recordings. Merges are found along chains of nearest neighbours (Benzecri 1982;
Muellner 2011), which both linkages allow: about 2 K products of the means with a vector.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from speakerssl.errors import InputError, unknown_name
from speakerssl.kernels import run_blocks

LINKAGES = ("ward", "average")


@dataclass(frozen=True)
class Dendrogram:
    """K - 1 merges by rising height: `pairs` [K-1, 2] of a member of either side, and `heights` [K-1].

    Heights are Ward's cost, or 1 less the mean cosine.
    """

    size: int
    pairs: np.ndarray
    heights: np.ndarray

    def cut(self, clusters: int) -> np.ndarray:
        """Labels [K] from 0 to `clusters` - 1. Raises InputError outside 1..K."""
        if not 1 <= clusters <= self.size:
            raise InputError(f"{clusters} clusters of {self.size}; ask for 1 to {self.size}")
        return _components(self.size, self.pairs[: self.size - clusters])

    def cut_at(self, height: float) -> np.ndarray:
        """Labels [K] after all merges up to `height`."""
        return self.cut(self.size - int((self.heights <= height).sum()))


def agglomerate(units: np.ndarray, labels: np.ndarray | None = None, linkage: str = "ward") -> Dendrogram:
    """The merges of `units` [N, D] (of unit length), or of their clusters `labels` [N] (0 to K - 1, none empty).

    Raises InputError for an unknown linkage or an empty cluster.
    """
    if linkage not in LINKAGES:
        raise unknown_name("linkage", linkage, LINKAGES)
    means, sizes = cluster_means(units, np.arange(len(units)) if labels is None else labels)
    pairs, heights = np.empty((len(means) - 1, 2), np.int64), np.empty(len(means) - 1)
    _follow_chains(means, sizes, pairs, heights, linkage == "ward")
    # Along a chain merges are not found in the order of their height.
    order = np.argsort(heights, kind="stable")
    return Dendrogram(len(means), pairs[order], heights[order])


def cluster_means(units: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means float32 [K, D] and sizes float64 [K] of the clusters 0..K-1. Raises InputError for an empty one."""
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels).astype(np.float64)
    if (sizes == 0).any():
        raise InputError(f"cluster {int(np.argmin(sizes))} is empty")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    sums = np.add.reduceat(np.asarray(units, np.float32)[order], starts, axis=0, dtype=np.float64)
    return (sums / sizes[:, None]).astype(np.float32), sizes


def _follow_chains(means: np.ndarray, sizes: np.ndarray, pairs: np.ndarray, heights: np.ndarray, ward: bool) -> None:
    """Fills `pairs` and `heights`; `means` and `sizes` become those of the last cluster."""
    alive = np.ones(len(means), np.bool_)
    squares = np.einsum("kd,kd->k", means, means).astype(np.float64)
    products = np.empty(len(means), np.float32)
    chain: list[int] = []
    merges, first = 0, 0
    while merges < len(pairs):
        if not chain:
            while not alive[first]:
                first += 1
            chain.append(first)
        last = chain[-1]
        before = chain[-2] if len(chain) > 1 else -1
        vector = means[last].copy()

        def multiply(begin: int, end: int, vector: np.ndarray = vector) -> None:
            np.dot(means[begin:end], vector, out=products[begin:end])

        run_blocks(multiply, len(means))
        near, height = _nearest(products, squares, sizes, alive, last, before, ward)
        if near != before:
            chain.append(near)
            continue
        pairs[merges], heights[merges] = (last, before), height
        merges += 1
        total = sizes[last] + sizes[before]
        means[before] = (sizes[last] * means[last] + sizes[before] * means[before]) / total
        squares[before], sizes[before], alive[last] = np.dot(means[before], means[before]), total, False
        del chain[-2:]


@njit(cache=True, nogil=True)
def _nearest(
    products: np.ndarray,
    squares: np.ndarray,
    sizes: np.ndarray,
    alive: np.ndarray,
    last: int,
    before: int,
    ward: bool,
) -> tuple[int, float]:
    """The living cluster that is nearest to `last`, and how near; of equals, the one before it in the chain."""
    best, lowest = -1, np.inf
    for i in range(-1, products.size):
        k = before if i == -1 else i
        if k < 0 or not alive[k] or k == last:
            continue
        if ward:
            weight = sizes[last] * sizes[k] / (sizes[last] + sizes[k])
            height = weight * (squares[last] + squares[k] - 2 * products[k])
        else:
            height = 1.0 - products[k]
        if height < lowest:
            best, lowest = k, height
    return best, lowest


@njit(cache=True)
def _components(size: int, pairs: np.ndarray) -> np.ndarray:
    """Labels [size] from 0 on after joining `pairs`, in order of first appearance."""
    parent = np.arange(size)
    for row in range(len(pairs)):
        a, b = pairs[row]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        parent[max(a, b)] = min(a, b)
    labels, names = np.empty(size, np.int64), 0
    for i in range(size):
        root = i
        while parent[root] != root:
            root = parent[root]
        if root == i:
            labels[i] = names
            names += 1
        else:
            labels[i] = labels[root]
    return labels
