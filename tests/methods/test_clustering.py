"""K-means on the sphere: a fixed point of Lloyd's iteration, no empty clusters, the same by blocks."""

import numpy as np

from speakerssl.methods.clustering import assign, nearest_clusters, spherical_kmeans, unit


def test_kmeans_reaches_a_fixed_point_of_lloyd() -> None:
    units = unit(np.random.default_rng(0).standard_normal((200, 5)))
    labels, centroids = spherical_kmeans(units, 7, 60, np.random.default_rng(1))
    for cluster in range(7):
        mean = units[labels == cluster].sum(0)
        np.testing.assert_allclose(centroids[cluster], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_array_equal(labels, (units @ centroids.T).argmax(1))


def test_no_cluster_stays_empty_when_recordings_differ() -> None:
    units = unit(np.r_[np.tile([[1.0, 0.0]], (20, 1)), np.random.default_rng(0).standard_normal((30, 2))])
    labels, _ = spherical_kmeans(units, 6, 10, np.random.default_rng(0))
    assert len(np.unique(labels)) == 6


def test_assignment_by_blocks_is_the_assignment(monkeypatch) -> None:
    units = unit(np.random.default_rng(0).standard_normal((50, 4)))
    whole = assign(units, units[:9])
    monkeypatch.setattr("speakerssl.methods.clustering.COSINES", 30)
    for a, b in zip(whole, assign(units, units[:9])):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    labels = np.arange(9)
    small = nearest_clusters(labels, units[:9], 3)
    monkeypatch.undo()
    large = nearest_clusters(labels, units[:9], 3)
    assert {k: set(v) for k, v in small.items()} == {k: set(v) for k, v in large.items()}
