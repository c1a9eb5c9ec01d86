"""Spherical k-means: the assignment, a start that is kept, bad numbers."""

import numpy as np
import pytest

from speakerssl.clustering.cluster import to_units
from speakerssl.clustering.kmeans import assign, compact, spherical_kmeans
from speakerssl.clustering.quality import purity
from speakerssl.errors import InputError

from .conftest import made_voices


def test_every_recording_is_with_its_nearest_centroid() -> None:
    units = to_units(made_voices(8, 25)[0])
    labels, centroids = spherical_kmeans(units, 8, seed=1)
    assert np.linalg.norm(centroids, axis=1) == pytest.approx(1, abs=1e-5)
    assert labels.tolist() == [int(np.argmax([c @ x for c in centroids])) for x in units]


def test_started_from_the_truth_it_stays_there() -> None:
    embeddings, truth = made_voices(12, 20)
    units = to_units(embeddings)
    start = to_units(np.stack([units[truth == c].mean(0) for c in range(12)]))
    labels, _ = spherical_kmeans(units, 12, start=start)
    assert np.array_equal(labels, truth)
    assert purity(labels, truth) == 1


def test_the_same_seed_gives_the_same_clusters() -> None:
    units = to_units(made_voices(8, 25)[0])
    assert np.array_equal(spherical_kmeans(units, 5, seed=3)[0], spherical_kmeans(units, 5, seed=3)[0])


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    units, centroids = (to_units(made_voices(4, n)[0]) for n in (50, 2))
    whole = assign(units, centroids)
    monkeypatch.setattr("speakerssl.kmeans.COSINES", 30)
    assert np.array_equal(assign(units, centroids), whole)


def test_labels_are_renamed_without_gaps_and_no_cluster_stays_none() -> None:
    assert compact(np.array([5, -1, 2, 5])).tolist() == [1, -1, 0, 1]
    assert compact(np.array([7, 3])).tolist() == [1, 0]


def test_more_clusters_than_recordings_is_an_error() -> None:
    with pytest.raises(InputError, match="7 clusters of 3 recordings; ask for 1 to 3"):
        spherical_kmeans(np.eye(3), 7)
