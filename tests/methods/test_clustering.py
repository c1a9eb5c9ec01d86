"""Which clusters lie next to which."""

import numpy as np
import pytest

from speakerssl.methods.clustering import neighbour_table, unit


def test_neighbours_by_blocks_are_the_nearest_other_clusters_with_members(monkeypatch: pytest.MonkeyPatch) -> None:
    centroids = unit(np.random.default_rng(0).standard_normal((12, 4)))
    labels = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11])
    table = neighbour_table(labels, centroids, 3)
    for cluster in labels:
        others = sorted((j for j in labels if j != cluster), key=lambda j: -centroids[cluster] @ centroids[j])
        assert set(table[cluster]) == set(others[:3])
    monkeypatch.setattr("speakerssl.methods.clustering.COSINES", 30)
    np.testing.assert_array_equal(np.sort(neighbour_table(labels, centroids, 3)), np.sort(table))
    assert neighbour_table(labels, centroids, 0).tolist() == [[i] for i in range(12)]
    assert neighbour_table(np.zeros(4, int), centroids, 2)[0].tolist() == [0]
