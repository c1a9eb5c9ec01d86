"""Sampled positives: whose clusters they come from, sessions, no labels, the same for the same epoch."""

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.identity import excluded, identify
from speakerssl.methods import Batch, build_method, ssps
from speakerssl.methods.base import MASKING
from speakerssl.methods.clustering import neighbour_table, unit
from speakerssl.methods.sampling import sample_positives
from speakerssl.methods.ssps import PUBLISHED, PositiveSampler, References, build_sampler

from .conftest import TINY


def speakers_on_a_ring(count: int = 6, each: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [N, 2] in tight groups at equal angles, of any length, and their group."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(count), each)
    angles = 2 * np.pi * group / count + 0.02 * rng.standard_normal(len(group))
    return np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(1, 9, (len(group), 1)), group


def test_without_neighbours_positives_are_other_members_of_the_own_cluster() -> None:
    embeddings, group = speakers_on_a_ring()
    found = PositiveSampler(clusters=6).draw(5, embeddings)
    labels = found.pseudo_labels[:, 0]
    np.testing.assert_array_equal(labels[found.recordings], labels)
    alone = np.bincount(labels)[labels] == 1
    assert (found.recordings != np.arange(len(group)))[~alone].all()


def test_with_neighbours_positives_come_from_the_nearest_other_centroids() -> None:
    embeddings, group = speakers_on_a_ring()
    centroids = unit(np.stack([unit(embeddings[group == g]).mean(0) for g in range(6)]))
    sources = neighbour_table(group, centroids, 2)
    assert {g: set(sources[g]) for g in range(6)} == {g: {(g - 1) % 6, (g + 1) % 6} for g in range(6)}
    positives = sample_positives(group, sources, None, np.random.default_rng(0))
    assert set((group[positives] - group) % 6) == {1, 5}


def test_the_published_preset_has_the_published_values() -> None:
    sampler = build_sampler({"preset": "published"})
    assert sampler is not None
    found = {name: getattr(sampler, name) for name in PUBLISHED}
    assert found == PUBLISHED
    assert (sampler.iterations, sampler.queue_size, sampler.mask, sampler.prob) == (10, 50000, False, 1.0)
    assert not any(f"{name} " not in str(ssps.__doc__) for name in PUBLISHED)
    ours = build_sampler({"clusters": 3, "preset": "ours"})
    assert vars(ours) == vars(build_sampler({"clusters": 3}))
    assert build_sampler({"preset": "published", "clusters": 7, "neighbours": 0}).neighbours == 0


def test_an_anchor_may_be_its_own_positive_as_published() -> None:
    embeddings, _ = speakers_on_a_ring()
    own = [
        np.mean([PositiveSampler(clusters=1, exclude_self=exclude).draw(e, embeddings).recordings == np.arange(48)
                 for e in range(40)])
        for exclude in (True, False)
    ]  # fmt: skip
    assert own[0] == 0
    assert own[1] == pytest.approx(1 / 48, rel=0.3)


def test_other_sessions_come_first_only_where_that_is_wanted() -> None:
    embeddings, _ = speakers_on_a_ring()
    sessions: list[str | None] = [str(i % 2) for i in range(48)]
    number = np.arange(48) % 2
    ours = PositiveSampler(clusters=2).draw(0, embeddings, sessions)
    assert (number[ours.recordings] != number).all()
    published = PositiveSampler(clusters=2, other_sessions=False).draw(0, embeddings, sessions)
    assert 0.2 < (number[published.recordings] == number).mean() < 0.8
    told = [PositiveSampler(clusters=2).draw(e, embeddings, sessions).numbers["ssps/same_session"] for e in range(30)]
    assert np.mean(told) == pytest.approx(11 / 23, abs=0.05)


def test_recordings_without_a_reference_keep_themselves() -> None:
    embeddings, _ = speakers_on_a_ring()
    known = np.arange(48) % 5 > 0
    found = PositiveSampler(clusters=4, neighbours=1).draw(0, References(embeddings, known))
    np.testing.assert_array_equal(found.recordings[~known], np.flatnonzero(~known))
    assert (found.pseudo_labels[~known] == -1).all()
    assert known[found.recordings[known]].all()
    assert found.numbers["ssps/own_recording"] == pytest.approx((~known).mean())


def test_without_sessions_the_halves_say_how_well_clusters_keep_a_speaker_together() -> None:
    embeddings, _ = speakers_on_a_ring()
    noise = np.random.default_rng(5).standard_normal((48, 2))
    found = [
        PositiveSampler(clusters=6).draw(0, References(embeddings, halves=(embeddings, embeddings + scale * noise)))
        for scale in (0.0, 30.0)
    ]
    tight, loose = (one.numbers["ssps/halves_in_one_cluster"] for one in found)
    assert tight == 1.0
    assert loose < 0.5


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
    with pytest.raises(
        InputError, match="unknown ssps 'reference' 'labels'; the known ones are: encoder, last_epoch, statistics"
    ):
        build_sampler({"clusters": 3, "reference": "labels"})
    with pytest.raises(InputError, match="9 clusters of 3 recordings"):
        PositiveSampler(clusters=9).draw(0, np.eye(3))
    with pytest.raises(InputError, match="unknown ssps 'preset' 'paper'; the known ones are: ours, published"):
        build_sampler({"clusters": 3, "preset": "paper"})
    with pytest.raises(InputError, match="ssps 'exclude_self' must be true or false"):
        build_sampler({"clusters": 3, "exclude_self": 1})
    with pytest.raises(InputError, match="positives: queue and reference: last_epoch go together"):
        build_method(encoder, {"name": "simclr", "ssps": {"clusters": 3, "positives": "queue"}}, {})
    with pytest.raises(InputError, match="method byol: ssps: 'positives: queue' is for methods that compare with it"):
        build_method(encoder, {"name": "byol", "ssps": {"preset": "published"}}, {})


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


# Without cpc, which takes an encoder of sequences, and supervised, which takes labels.
@pytest.mark.parametrize("name", sorted(TINY))
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
