"""The methods of clustering as one function: real speech, options that do not go together, small clusters."""

import numpy as np
import pytest

from speakerssl.clustering.cluster import ClusterOptions, cluster, without_small
from speakerssl.clustering.quality import normalized_mutual_information, purity
from speakerssl.errors import InputError

from .conftest import made_voices


@pytest.mark.parametrize(
    "options",
    [
        ClusterOptions("kmeans", 20),
        ClusterOptions("agglomerative", 20),
        ClusterOptions("agglomerative", 20, linkage="average"),
        ClusterOptions("agglomerative", linkage="average", threshold=0.3),
        ClusterOptions("agglomerative", 20, micro=100),
        ClusterOptions("hdbscan", smallest=3),
        ClusterOptions("kmeans"),
    ],
)
def test_clear_voices_are_found(options: ClusterOptions) -> None:
    embeddings, truth = made_voices(20, 15, spread=0.5)
    labels = cluster(3 + embeddings, options)
    inside = labels >= 0
    assert inside.mean() > 0.9
    assert normalized_mutual_information(labels[inside], truth[inside]) > (0.9 if options.method == "kmeans" else 0.98)


def test_real_voices_are_found(real_voices) -> None:
    embeddings, truth = real_voices
    labels = cluster(embeddings, ClusterOptions(clusters=60))
    assert purity(labels, truth) > 0.75


def test_kmeans_goes_on_from_embeddings_of_centroids() -> None:
    embeddings, truth = made_voices(12, 20)
    start = np.stack([embeddings[truth == c].mean(0) for c in range(12)])
    assert np.array_equal(cluster(embeddings, ClusterOptions("kmeans", 12), start), truth)


def test_small_clusters_are_dissolved() -> None:
    assert without_small(np.array([0, 0, 1, 2, 2, -1]), 2).tolist() == [0, 0, -1, 1, 1, -1]
    assert without_small(np.array([0, 1]), 2).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ClusterOptions("dbscan"), "unknown clustering 'dbscan'; the known ones are: agglomerative, hdbscan, kmeans"),
        (ClusterOptions("hdbscan", 3), "finds the number of clusters itself"),
        (ClusterOptions(clusters=3, threshold=0.2), "not both"),
        (ClusterOptions(threshold=0.2), "goes with agglomerative clustering by average linkage"),
        (ClusterOptions(clusters=99), "99 clusters of 20 recordings; ask for 1 to 20"),
    ],
)
def test_options_that_do_not_go_together_are_an_error(options: ClusterOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cluster(made_voices(4, 5)[0], options)


def test_hdbscan_refuses_what_it_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerssl.clustering.cluster.HDBSCAN_LIMIT", 10)
    with pytest.raises(InputError, match="over 10 use agglomerative"):
        cluster(made_voices(4, 5)[0], ClusterOptions("hdbscan"))
