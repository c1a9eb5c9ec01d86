"""Clusters divided by how alike halves are: against a slow reference, and on speakers with one recording each."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.kmeans import spherical_kmeans
from speakerssl.methods import splitting
from speakerssl.methods.clustering import unit
from speakerssl.methods.splitting import likeness, split_clusters
from speakerssl.methods.ssps import PositiveSampler, References


def slowly_divided(units: np.ndarray, alike: np.ndarray) -> list[set[int]]:
    """Joins the two groups of which the pairs between them are most alike, while they are as alike as halves."""
    groups = [{number} for number in range(len(units))]
    excess = units @ units.T - (alike[:, None] + alike) / 2
    while len(groups) > 1:
        between = {
            (i, j): np.mean([excess[a, b] for a in groups[i] for b in groups[j]])
            for i in range(len(groups))
            for j in range(i)
        }
        (i, j), most = max(between.items(), key=lambda one: one[1])
        if most < 0:
            break
        groups[j] |= groups.pop(i)
    return groups


def sets_of(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_the_slow_reference_and_lie_within_clusters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units, alike = unit(rng.standard_normal((30, 3))), rng.uniform(0.5, 1, 30)
    labels = rng.permutation(np.repeat([4, 1, 9], [12, 17, 1]))
    divided, centroids = split_clusters(units, labels, alike)
    expected = set()
    for label in (1, 4, 9):
        members = np.flatnonzero(labels == label)
        expected |= {frozenset(members[list(g)].tolist()) for g in slowly_divided(units[members], alike[members])}
    assert sets_of(divided) == expected
    assert sorted(set(divided)) == list(range(len(centroids)))
    for group, centroid in enumerate(centroids):
        np.testing.assert_allclose(centroid, unit(units[divided == group].mean(0)[None])[0], atol=1e-6)


def test_nothing_is_divided_where_all_are_more_alike_than_halves_and_all_where_none_is() -> None:
    units = unit(np.random.default_rng(0).standard_normal((40, 5)))
    labels = np.arange(40) % 3
    assert sets_of(split_clusters(units, labels, np.full(40, -1.0))[0]) == sets_of(labels)
    assert len(split_clusters(units, labels, np.full(40, 1.1))[1]) == 40


def test_clusters_too_large_for_all_their_pairs_are_halved_first(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, speaker, halves = voices(12, 10, 0.3, 0)
    units, one = unit(embeddings), np.zeros(120, np.int64)
    whole = split_clusters(units, one, likeness(*halves))[0]
    monkeypatch.setattr(splitting, "LARGEST", 30)
    assert sets_of(whole) == sets_of(split_clusters(units, one, likeness(*halves))[0]) == sets_of(speaker)
    assert split_clusters(np.tile(units[:1], (40, 1)), one[:40], np.full(40, 0.9))[0].tolist() == [0] * 40


Halves = tuple[np.ndarray, np.ndarray]


def voices(speakers: int, each: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray, Halves]:
    """Embeddings [N, 64] of recordings, speakers [N], and embeddings of the halves, which vary twice as much."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(speakers), each)
    voice = rng.standard_normal((speakers, 64))[speaker]
    halves = voice + noise * rng.standard_normal((2, len(speaker), 64))
    return halves.mean(0), speaker, (halves[0], halves[1])


def test_speakers_with_one_recording_keep_themselves_and_others_find_their_own() -> None:
    many, many_speaker, many_halves = voices(30, 8, 0.6, 0)
    single, single_speaker, single_halves = voices(120, 1, 0.6, 1)
    embeddings, speaker = np.concatenate([many, single]), np.concatenate([many_speaker, 1000 + single_speaker])
    first, second = (np.concatenate(parts) for parts in zip(many_halves, single_halves))
    references = References(embeddings, halves=(first, second), alike=likeness(first, second))

    def shares(split: bool) -> tuple[float, float]:
        """Of positives that are the anchor's speaker, and of anchors with eight recordings that have another's."""
        found = PositiveSampler(clusters=60, split=split).draw(0, references).recordings
        other = found != np.arange(len(found))
        return (speaker[found] == speaker).mean(), other[: len(many)].mean()

    right, elsewhere = shares(True)
    assert right > 0.98
    assert elsewhere > 0.9
    assert shares(False)[0] < 0.8


def test_numbers_for_the_log_and_masks_follow_the_groups() -> None:
    embeddings, _, halves = voices(6, 5, 0.3, 0)
    alike = likeness(*halves)
    found = PositiveSampler(clusters=2, split=True).draw(0, References(embeddings, halves=halves, alike=alike))
    near = spherical_kmeans(unit(embeddings), 2, 10, int(np.random.default_rng((0, 0)).integers(2**31)))[0]
    expected = split_clusters(unit(embeddings), near, alike)[0]
    np.testing.assert_array_equal(found.pseudo_labels[:, 0], expected)
    assert found.numbers["ssps/groups"] == len(set(expected))
    assert 0 < found.numbers["ssps/halves_in_one_cluster"] <= 1


def test_without_halves_there_is_nothing_to_split_by() -> None:
    with pytest.raises(InputError, match="ssps 'split' needs the halves of recordings: reference: encoder or stati"):
        PositiveSampler(clusters=2, reference="last_epoch", positives="queue", split=True)
    with pytest.raises(InputError, match="the references do not say how alike the halves"):
        PositiveSampler(clusters=2, split=True).draw(0, np.eye(4))
    with pytest.raises(InputError, match="ssps 'split' must be true or false, got 'yes'"):
        PositiveSampler(clusters=2, split="yes")
