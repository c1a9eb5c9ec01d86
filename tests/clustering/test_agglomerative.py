"""Chains of nearest neighbours against scipy's linkage, which keeps all distances; continuing from clusters."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from speakerssl.clustering.agglomerative import agglomerate, cluster_means
from speakerssl.clustering.cluster import to_units
from speakerssl.errors import InputError

from .conftest import made_voices

UNITS = to_units(made_voices(15, 8, spread=1.5)[0])


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    return len(set(zip(one.tolist(), other.tolist()))) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize(("name", "metric"), [("ward", "euclidean"), ("average", "cosine")])
def test_equals_scipy(name: str, metric: str) -> None:
    tree, mine = linkage(UNITS.astype(np.float64), name, metric), agglomerate(UNITS, linkage=name)
    heights = tree[:, 2] ** 2 / 2 if name == "ward" else tree[:, 2]
    assert mine.heights == pytest.approx(heights, abs=1e-5)
    for clusters in (1, 2, 15, 40, len(UNITS)):
        assert same_partition(mine.cut(clusters), fcluster(tree, clusters, "maxclust"))
    assert same_partition(mine.cut_at(0.6), fcluster(tree, 0.6 if name == "average" else np.sqrt(1.2), "distance"))


@pytest.mark.parametrize("name", ["ward", "average"])
def test_going_on_from_clusters_is_what_single_recordings_come_to(name: str) -> None:
    whole = agglomerate(UNITS, linkage=name)
    half = whole.cut(40)
    assert same_partition(agglomerate(UNITS, half, name).cut(15)[half], whole.cut(15))


def test_equal_recordings_are_joined_first() -> None:
    units = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    labels = agglomerate(units).cut(3)
    assert labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_means_and_sizes() -> None:
    means, sizes = cluster_means(np.eye(3, dtype=np.float32), np.array([1, 0, 1]))
    assert sizes.tolist() == [1, 2]
    assert means.tolist() == [[0, 1, 0], [0.5, 0, 0.5]]


def test_bad_input_is_an_error() -> None:
    with pytest.raises(InputError, match="cluster 1 is empty"):
        agglomerate(np.eye(2), np.array([0, 2]))
    with pytest.raises(InputError, match="unknown linkage 'single'; the known ones are: average, ward"):
        agglomerate(np.eye(2), linkage="single")
    with pytest.raises(InputError, match="4 clusters of 3; ask for 1 to 3"):
        agglomerate(np.eye(3, dtype=np.float32)).cut(4)
