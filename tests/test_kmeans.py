"""K-means on the sphere: near a fixed point of Lloyd's iteration, no empty clusters, one result for one seed."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.kmeans import spherical_kmeans
from speakerssl.methods.clustering import unit


def test_kmeans_reaches_a_fixed_point_of_lloyd() -> None:
    units = unit(np.random.default_rng(0).standard_normal((200, 5)))
    labels, centroids = spherical_kmeans(units, 7, 60, seed=1)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, (units @ centroids.T).argmax(1))
    for cluster in range(7):
        mean = units[labels == cluster].sum(0)
        np.testing.assert_allclose(centroids[cluster], mean / np.linalg.norm(mean), atol=1e-4)


def test_no_cluster_stays_empty_when_recordings_differ() -> None:
    units = unit(np.r_[np.tile([[1.0, 0.0]], (20, 1)), np.random.default_rng(0).standard_normal((30, 2))])
    labels, _ = spherical_kmeans(units, 6, 10, seed=0)
    assert len(np.unique(labels)) == 6


def test_all_recordings_take_part_however_few_the_clusters() -> None:
    """faiss would take 256 a cluster by default: a cluster must average all of these 2,000."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[8, 0, 0], [0, 8, 0]], (1500, 500), axis=0)
    units = unit(centres + rng.standard_normal((2000, 3)))
    _, centroids = spherical_kmeans(units, 1, 3, seed=0)
    np.testing.assert_allclose(centroids[0], unit(units.mean(0)[None])[0], atol=1e-4)


def test_a_seed_has_one_result() -> None:
    units = unit(np.random.default_rng(0).standard_normal((300, 8)))
    once, again, other = (spherical_kmeans(units, 9, 5, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
    with pytest.raises(InputError, match="301 clusters of 300 recordings; ask for 1 to 300"):
        spherical_kmeans(units, 301, 5, 0)
