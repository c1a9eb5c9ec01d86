"""Sampled positives: whose clusters they come from, sessions, no labels, the same for the same epoch."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.identity import excluded, identify
from speakerssl.methods import METHODS, Batch, build_method
from speakerssl.methods.base import MASKING
from speakerssl.methods.clustering import nearest_clusters, spherical_kmeans, unit
from speakerssl.methods.ssps import PositiveSampler, build_sampler, sample_positives


def speakers_on_a_ring(count: int = 6, each: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [N, 2] in tight groups at equal angles, of any length, and their group."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(count), each)
    angles = 2 * np.pi * group / count + 0.02 * rng.standard_normal(len(group))
    return np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(1, 9, (len(group), 1)), group


def test_without_neighbours_positives_are_other_members_of_the_own_cluster() -> None:
    embeddings, group = speakers_on_a_ring()
    labels, _ = spherical_kmeans(unit(embeddings), 6, 10, np.random.default_rng((0, 5)))
    positives = PositiveSampler(clusters=6).draw(5, embeddings).recordings
    np.testing.assert_array_equal(labels[positives], labels)
    assert (positives != np.arange(len(group))).all()


def test_with_neighbours_positives_come_from_the_nearest_other_centroids() -> None:
    embeddings, group = speakers_on_a_ring()
    centroids = np.stack([unit(embeddings[group == g]).mean(0) for g in range(6)])
    near = nearest_clusters(group, unit(centroids), 2)
    assert {g: set(near[g]) for g in range(6)} == {g: {(g - 1) % 6, (g + 1) % 6} for g in range(6)}
    positives = sample_positives(group, near, None, np.random.default_rng(0))
    steps = (group[positives] - group) % 6
    assert set(steps) == {1, 5}


def test_another_session_is_preferred_and_not_required() -> None:
    labels = np.zeros(6, dtype=np.int64)
    sessions = ["a", "a", "a", "b", "b", None]
    for seed in range(20):
        positives = sample_positives(labels, {0: np.array([0])}, sessions, np.random.default_rng(seed))
        assert all(sessions[i] is None or sessions[i] != sessions[j] for i, j in enumerate(positives))
        alone = sample_positives(labels, {0: np.array([0])}, ["a"] * 6, np.random.default_rng(seed))
        assert all(i != j for i, j in enumerate(alone))
    single = sample_positives(np.array([0, 1]), {0: np.array([0]), 1: np.array([1])}, None, np.random.default_rng(0))
    assert single.tolist() == [0, 1]


def test_a_part_of_the_anchors_keeps_its_own_recording() -> None:
    embeddings, _ = speakers_on_a_ring(each=100)
    always = PositiveSampler(clusters=6).draw(2, embeddings)
    half = PositiveSampler(clusters=6, prob=0.5).draw(2, embeddings)
    own = half.recordings == np.arange(600)
    assert 0.4 < own.mean() < 0.6
    np.testing.assert_array_equal(half.recordings[~own], always.recordings[~own])
    np.testing.assert_array_equal(half.pseudo_labels, always.pseudo_labels)
    with pytest.raises(InputError, match="ssps 'prob'"):
        PositiveSampler(clusters=6, prob=1.5)


def test_draws_depend_on_seed_and_epoch_alone() -> None:
    embeddings, _ = speakers_on_a_ring()
    sampler = PositiveSampler(clusters=4, neighbours=1)
    np.testing.assert_array_equal(sampler.draw(3, embeddings).recordings, sampler.draw(3, embeddings).recordings)
    assert (sampler.draw(3, embeddings).recordings != sampler.draw(4, embeddings).recordings).any()


def test_any_method_samples_and_labels_play_no_part(make) -> None:
    embeddings, group = speakers_on_a_ring()
    calls = []

    def embed() -> np.ndarray:
        calls.append(1)
        return embeddings

    method = make("dino", ssps={"clusters": 6, "start_epoch": 2})
    assert make("vicreg").sampler is None
    assert method.start_epoch(1, embed) is None
    assert not calls  # nothing is embedded before it is needed
    positives = method.start_epoch(2, embed)
    method.speakers = np.random.default_rng(0).permutation(group)
    np.testing.assert_array_equal(positives, method.start_epoch(2, embed))
    method.sessions = [str(i % 2) for i in range(len(group))]
    sessions = np.arange(len(group)) % 2
    chosen = method.start_epoch(2, embed)
    alone = chosen == np.arange(len(group))  # k-means may leave a recording by itself
    assert (sessions[chosen] != sessions)[~alone].all()
    assert alone.mean() < 0.1


def test_mistakes_are_named(encoder) -> None:
    with pytest.raises(InputError, match="ssps: expected options with 'clusters'"):
        build_sampler({"neighbours": 1})
    with pytest.raises(InputError, match="ssps: unknown key 'k'"):
        build_method(encoder, {"name": "simclr", "ssps": {"clusters": 3, "k": 1}}, {})
    with pytest.raises(InputError, match="unknown ssps 'reference' 'labels'; the known ones are: encoder, statistics"):
        build_sampler({"clusters": 3, "reference": "labels"})
    sampler = PositiveSampler(clusters=9)
    with pytest.raises(InputError, match="9 clusters for 3 recordings"):
        sampler.sample(0, lambda: np.eye(3), None, torch.device("cpu"))


@pytest.mark.parametrize("name", ["simclr", "moco", "multiview"])
def test_masked_clusters_are_no_negatives_and_survive_a_checkpoint(name: str, make) -> None:
    embeddings, group = speakers_on_a_ring()
    loss = {"temperature": 0.2, "negatives": "batch"}
    method = make(name, loss, ssps={"clusters": 6, "mask": True}, projector=None, collapse=False)
    recordings = torch.arange(0, len(group), 4)
    views = [torch.randn(len(recordings), 12, 8) for _ in range(2)]
    batch = Batch(views, recordings)
    assert (method.identities(batch)[0].pseudo_labels == -1).all()
    unmasked = method(batch, 0).loss.item()
    method.start_epoch(0, lambda: embeddings)
    labels = method.pseudo_labels
    first, second = method.identities(batch)
    assert torch.equal(first.pseudo_labels, labels[recordings])
    assert torch.equal(second.pseudo_labels, first.pseudo_labels)
    assert method(batch, 0).loss.item() < unmasked

    fresh = make(name, loss, ssps={"clusters": 6, "mask": True}, projector=None, collapse=False)
    fresh.load_state_dict(method.state_dict())
    assert torch.equal(fresh.pseudo_labels, labels)


@pytest.mark.parametrize("neighbours", [0, 1, 2])
def test_masked_clusters_are_those_in_which_positives_lie(neighbours: int) -> None:
    """Seen once: with `neighbours` above 0 the anchor's own cluster alone was masked, in which no positive lies."""
    embeddings, _ = speakers_on_a_ring()
    found = PositiveSampler(clusters=6, neighbours=neighbours, mask=True).draw(0, embeddings)
    own, positive = found.pseudo_labels[:, 0], found.pseudo_labels[found.recordings, 0]
    assert found.pseudo_labels.shape == (48, 1 + neighbours)
    for row in range(48):
        assert positive[row] in found.pseudo_labels[row]
        assert len(set(found.pseudo_labels[row])) == 1 + neighbours
    if neighbours:
        assert (positive != own).all()
    who = identify(torch.arange(48), torch.from_numpy(found.recordings), torch.from_numpy(found.pseudo_labels))
    assert excluded(who, who)[np.arange(48), found.recordings].all()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_masks_or_the_message_names_those_that_do(name: str, make) -> None:
    masked = {"clusters": 6, "mask": True}
    if name in MASKING:
        assert make(name, ssps=masked).sampler.mask
    else:
        with pytest.raises(InputError, match=f"negatives from the batch: {', '.join(MASKING)}$"):
            make(name, ssps=masked)


def test_methods_without_batch_negatives_take_no_mask(encoder) -> None:
    with pytest.raises(InputError, match="method dino: ssps: 'mask' is for methods with negatives from the batch"):
        build_method(encoder, {"name": "dino", "ssps": {"clusters": 3, "mask": True}}, {})
