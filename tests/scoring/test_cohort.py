"""Cohorts: speaker means, and pseudo-speakers found without labels."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.cohort import CLUSTERINGS, pseudo_speaker_cohort, speaker_cohort
from speakerssl.scoring.cosine import CosineScorer
from speakerssl.scoring.normalization import cohort_statistics

SPEAKERS = np.random.default_rng(0).permutation(np.repeat(np.arange(12), 9))


@pytest.fixture(scope="module")
def recordings() -> np.ndarray:
    """108 recordings of 12 well-separated speakers."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((12, 16))
    lengths = rng.uniform(0.5, 3, (108, 1))
    return ((centres[SPEAKERS] + 0.15 * rng.standard_normal((108, 16))) * lengths).astype(np.float32)


def test_speaker_cohort_is_the_mean_of_unit_vectors(recordings: np.ndarray) -> None:
    names = np.array([f"s{speaker:02d}" for speaker in SPEAKERS])
    cohort = speaker_cohort(recordings, names)
    assert cohort.ids == [f"s{i:02d}" for i in range(12)]
    unit = recordings / np.linalg.norm(recordings, axis=1, keepdims=True)
    for name, vector in zip(cohort.ids, cohort.matrix):
        np.testing.assert_allclose(vector, unit[names == name].mean(0), atol=1e-6)
    as_they_are = speaker_cohort(recordings, names, unit=False)
    np.testing.assert_allclose(as_they_are.matrix[3], recordings[names == "s03"].mean(0), atol=1e-6)


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_clusters_find_separated_speakers(method: str, recordings: np.ndarray) -> None:
    clusters = 12 if method == "agglomerative" else 30
    cohort, groups = pseudo_speaker_cohort(recordings, clusters, method, seed=3)
    assert len(cohort) <= clusters
    for group in range(len(cohort)):
        assert len(np.unique(SPEAKERS[groups == group])) == 1
    if method == "agglomerative":
        assert len(cohort) == 12
        truth = speaker_cohort(recordings, SPEAKERS)
        # Without labels the cohort is the one that labels would have given.
        np.testing.assert_allclose(
            np.sort(cohort_statistics(CosineScorer().compare(recordings, cohort.matrix)).mean),
            np.sort(cohort_statistics(CosineScorer().compare(recordings, truth.matrix)).mean),
            atol=1e-5,
        )


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_same_seed_same_cohort_and_length_is_ignored(method: str, recordings: np.ndarray) -> None:
    one, _ = pseudo_speaker_cohort(recordings, 15, method, seed=1)
    other, _ = pseudo_speaker_cohort(recordings * np.float32(4), 15, method, seed=1)
    np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-6)


def test_small_clusters_are_left_out(recordings: np.ndarray) -> None:
    lone = np.concatenate([recordings, -recordings[:1]])
    cohort, groups = pseudo_speaker_cohort(lone, 13, "agglomerative", smallest=2)
    assert len(cohort) == 12
    assert groups[-1] == -1
    assert (groups[:-1] >= 0).all()
    assert cohort.ids[:2] == ["pseudo0000", "pseudo0001"]


def test_bad_input(recordings: np.ndarray) -> None:
    with pytest.raises(InputError, match="109 clusters of 108 recordings; ask for 1 to 108"):
        pseudo_speaker_cohort(recordings, 109)
    with pytest.raises(InputError, match="unknown clustering 'x'"):
        pseudo_speaker_cohort(recordings, 5, "x")
    with pytest.raises(InputError, match="fewer than 50; use fewer clusters"):
        pseudo_speaker_cohort(recordings, 12, "agglomerative", smallest=50)
