"""Cohorts of impostors: one vector a speaker, or, where nothing is labelled, one a cluster of recordings.

A cluster stands for a speaker ("pseudo-speaker"): its mean is smoother than a recording and counts a
frequent voice once, which is what speaker labels are wanted for in a cohort.
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.scoring.cosine import unit_rows

CLUSTERINGS = ("kmeans", "minibatch", "agglomerative")
# Average linkage keeps all distances: 20,000 recordings are 3.2 GB already.
AGGLOMERATIVE_LIMIT = 20_000


@dataclass(frozen=True)
class Cohort:
    """C cohort vectors: `ids` and `matrix` float32 [C, D]."""

    ids: list[str]
    matrix: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def group_means(embeddings: np.ndarray, groups: np.ndarray, number: int, unit: bool = True) -> np.ndarray:
    """Mean of the `embeddings` [N, D] (of `unit` length first) of each group 0..number-1, float32 [number, D]."""
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups, minlength=number)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows = unit_rows(embeddings) if unit else embeddings
    sums = np.add.reduceat(rows[order].astype(np.float64), starts, axis=0)
    return (sums / counts[:, None]).astype(np.float32)


def speaker_cohort(embeddings: np.ndarray, speakers: np.ndarray, unit: bool = True) -> Cohort:
    """One vector a speaker: the mean of the `embeddings` [N, D] (of `unit` length first) by their `speakers` [N]."""
    names, groups = np.unique(speakers, return_inverse=True)
    return Cohort([str(name) for name in names], group_means(embeddings, groups, len(names), unit))


def pseudo_speaker_cohort(
    embeddings: np.ndarray,
    clusters: int,
    method: str = "kmeans",
    smallest: int = 1,
    seed: int = 0,
    unit: bool = True,
) -> tuple[Cohort, np.ndarray]:
    """A cohort without labels: `embeddings` [N, D] clustered by cosine, one vector for each cluster.

    `method` is "kmeans" or "minibatch" (k-means on unit-length vectors) or "agglomerative" (average
    linkage of cosine distances). A cluster's vector is the mean of its recordings, scaled to `unit` length
    first unless a PLDA wants them as they are. Clusters of fewer than `smallest` recordings are left out.
    Returns the cohort and the pseudo-speaker of each recording, int [N] (-1 where it was left out).
    Raises InputError for more clusters than recordings, or none that is large enough.
    """
    labels = cluster(unit_rows(embeddings), clusters, method, seed)
    counts = np.bincount(labels, minlength=clusters)
    kept = np.flatnonzero(counts >= max(1, smallest))
    if not len(kept):
        raise InputError(
            f"the largest of {clusters} clusters has {counts.max()} recordings, fewer than {smallest}; "
            "use fewer clusters"
        )
    renamed = np.full(clusters, -1)
    renamed[kept] = np.arange(len(kept))
    groups = renamed[labels]
    inside = groups >= 0
    matrix = group_means(embeddings[inside], groups[inside], len(kept), unit)
    return Cohort(pseudo_names(len(kept)), matrix), groups


def pseudo_names(number: int) -> list[str]:
    """Names of pseudo-speakers that sort in their order: pseudo0000, pseudo0001, ..."""
    width = max(4, len(str(number - 1)))
    return [f"pseudo{index:0{width}d}" for index in range(number)]


def cluster(unit: np.ndarray, clusters: int, method: str = "kmeans", seed: int = 0) -> np.ndarray:
    """The cluster, 0..clusters-1, of each of the unit-length rows `unit` [N, D]."""
    if method not in CLUSTERINGS:
        raise unknown_name("clustering", method, CLUSTERINGS)
    if not 1 <= clusters <= len(unit):
        raise InputError(f"{clusters} clusters of {len(unit)} recordings; ask for 1 to {len(unit)}")
    # scikit-learn takes over a second to import: only a cohort without labels pays for it.
    from sklearn.cluster import AgglomerativeClustering, KMeans, MiniBatchKMeans

    if method == "agglomerative":
        if len(unit) > AGGLOMERATIVE_LIMIT:
            raise InputError(
                f"agglomerative clustering of {len(unit)} recordings needs their distances in memory; "
                f"use kmeans or minibatch over {AGGLOMERATIVE_LIMIT}"
            )
        model = AgglomerativeClustering(clusters, metric="cosine", linkage="average")
    elif method == "minibatch":
        batch = max(1024, 4 * clusters)
        model = MiniBatchKMeans(clusters, random_state=seed, batch_size=batch, n_init=1)
    else:
        model = KMeans(clusters, random_state=seed, n_init=1)
    return np.asarray(model.fit_predict(unit), dtype=np.int64)
