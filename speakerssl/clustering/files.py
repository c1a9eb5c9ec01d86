"""Cluster files: `recording cluster` lines, which anything that reads an utt2spk reads too."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speakerssl.clustering.agglomerative import cluster_means
from speakerssl.clustering.quality import normalized_mutual_information, purity
from speakerssl.data.tables import write_table
from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.errors import InputError
from speakerssl.trials.speakers import read_utt2spk


def read_all(paths: Sequence[str]) -> Embeddings:
    """The embeddings of several files as one. Raises InputError where sizes differ or an id stands twice."""
    parts = [read_embeddings(path) for path in paths]
    if len({part.dim for part in parts}) > 1:
        raise InputError(f"{paths[0]}: {parts[0].dim} numbers an embedding, other files have another size")
    ids = [name for part in parts for name in part.ids]
    if len(set(ids)) != len(ids):
        raise InputError(f"{', '.join(paths)}: a recording stands in two of these files")
    return Embeddings(ids, np.concatenate([part.matrix for part in parts]), paths[0])


def write_clusters(path: str | Path, ids: Sequence[str], labels: np.ndarray) -> None:
    """Writes `labels` [N] of `ids`; recordings without a cluster (-1) are left out. Raises InputError for none."""
    if not (labels >= 0).any():
        raise InputError(f"{path}: no recording is in a cluster; ask for smaller ones")
    width = len(str(int(labels.max())))
    write_table(path, [(key, f"c{label:0{width}d}") for key, label in zip(ids, labels.tolist()) if label >= 0])


def start_means(embeddings: Embeddings, path: str) -> np.ndarray:
    """The means [K, D] of the unit-length embeddings of each cluster in the file `path`."""
    clusters = {key: name for key, name in read_utt2spk(path).items() if key in embeddings.rows}
    if not clusters:
        raise InputError(f"{path}: holds none of the recordings of {embeddings.path}")
    rows = embeddings.select(list(clusters)).matrix
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return cluster_means(units, np.unique(list(clusters.values()), return_inverse=True)[1])[0]


def report(ids: Sequence[str], labels: np.ndarray, path: str) -> dict[str, float]:
    """NMI and purity of `labels` [N] (recordings in a cluster only) against the true speakers in `path`."""
    truth = read_utt2spk(path)
    known = [i for i, key in enumerate(ids) if key in truth and labels[i] >= 0]
    if not known:
        raise InputError(f"{path}: holds none of the clustered recordings")
    names = np.unique([truth[ids[i]] for i in known], return_inverse=True)[1]
    mine = labels[np.array(known)]
    return {
        "nmi": normalized_mutual_information(mine, names),
        "purity": purity(mine, names),
        "speakers": int(names.max()) + 1,
    }
