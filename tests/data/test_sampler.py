"""Batches: a function of (seed, epoch) alone, each recording once an epoch, processes share one global batch."""

import numpy as np
import pytest

from speakerssl.data.group_batches import GroupBatches
from speakerssl.data.sampler import EpochBatches, ShardBatches, buffer_shuffle


def test_every_recording_once_an_epoch_and_reshuffled() -> None:
    batches = EpochBatches(20, 5, seed=1)
    epochs = []
    for epoch in range(2):
        batches.set_epoch(epoch)
        items = [item for batch in batches for item in batch]
        assert sorted(index for _, index, _ in items) == list(range(20))
        assert all(e == epoch and i == j for e, i, j in items)
        epochs.append(items)
    assert [i for _, i, _ in epochs[0]] != [i for _, i, _ in epochs[1]]


def test_resuming_inside_an_epoch_gives_the_rest_of_it() -> None:
    whole, rest = EpochBatches(20, 5, seed=1), EpochBatches(20, 5, seed=1)
    whole.set_epoch(3)
    rest.set_epoch(3, start=2)
    assert list(rest) == list(whole)[2:]


def test_processes_split_the_batch_of_one() -> None:
    alone = EpochBatches(20, 6, seed=2)
    pair = [EpochBatches(20, 6, seed=2, rank=rank, world_size=2) for rank in range(2)]
    for position in range(len(alone)):
        parts = [one.batch(position) for one in pair]
        assert sorted(parts[0] + parts[1]) == sorted(alone.batch(position))
        assert len(parts[0]) == len(parts[1]) == 3


def test_positives_replace_the_second_view() -> None:
    batches = EpochBatches(8, 4, seed=0)
    batches.sampled_positives = np.arange(8)[::-1].copy()
    assert all(j == 7 - i for _, i, j in batches.batch(0))


def test_the_last_incomplete_batch_is_dropped_and_small_sets_shrink_it() -> None:
    assert len(EpochBatches(11, 4, seed=0)) == 2
    assert len(EpochBatches(3, 4, seed=0)) == 1


def test_balanced_classes_come_equally_often_and_their_items_in_turn() -> None:
    classes = np.array([7] * 30 + [2] * 6 + [5] * 3 + [9])
    batches = EpochBatches(40, 4, seed=1, classes=classes)
    seen = np.zeros(40, int)
    for epoch in range(2):
        batches.set_epoch(epoch)
        items = [index for batch in batches for _, index, _ in batch]
        assert np.bincount(classes[items])[[2, 5, 7, 9]].tolist() == [10] * 4
        for start in range(0, 40, 4):  # four classes: each batch of four has every one
            assert set(classes[items[start : start + 4]].tolist()) == {2, 5, 7, 9}
        counts = np.bincount(items, minlength=40)
        for name in (2, 5, 7, 9):
            assert np.ptp(counts[classes == name]) <= 1
        seen += counts
    assert seen[39] == 20


def test_resuming_inside_a_balanced_epoch_gives_the_rest_of_it() -> None:
    classes = np.arange(20) % 3
    whole, rest = (EpochBatches(20, 5, seed=1, classes=classes) for _ in range(2))
    whole.set_epoch(3)
    rest.set_epoch(3, start=2)
    assert list(rest) == list(whole)[2:]


SHARD_OF = np.repeat(np.arange(7), [5, 9, 4, 8, 6, 3, 5])


def test_shards_cover_an_epoch_and_each_process_has_its_own() -> None:
    ranks = [ShardBatches(SHARD_OF, 6, 8, seed=3, rank=rank, world_size=2) for rank in range(2)]
    for epoch in range(3):
        seen = []
        for batches in ranks:
            batches.set_epoch(epoch)
            seen.append([item for batch in batches for _, item, _ in batch])
        assert not {SHARD_OF[i] for i in seen[0]} & {SHARD_OF[i] for i in seen[1]}
        assert [len(items) for items in seen] == [20, 20]
    alone = ShardBatches(SHARD_OF, 6, 8, seed=3)
    items = [item for batch in alone for _, item, _ in batch]
    assert len(set(items)) == len(items) == 40


def test_an_epoch_of_shards_goes_on_in_its_middle() -> None:
    whole, rest = (ShardBatches(SHARD_OF, 6, 8, seed=3) for _ in range(2))
    whole.set_epoch(2)
    rest.set_epoch(2, 3)
    assert list(whole)[3:] == list(rest)
    whole.set_epoch(3)
    assert list(whole)[3:] != list(rest)


@pytest.mark.parametrize("buffer", [1, 2, 10, 100])
def test_a_buffer_shuffles_as_far_as_it_reaches(buffer: int) -> None:
    given = buffer_shuffle(np.arange(60), buffer, np.random.default_rng(0))
    assert sorted(given) == list(range(60))
    assert all(place >= item - buffer for place, item in enumerate(given))  # nothing is given before it is read
    assert (given.tolist() == list(range(60))) == (buffer == 1)


@pytest.mark.parametrize("groups", [None, np.repeat([0, 1], [60, 40])])
def test_items_come_in_proportion_to_their_lengths(groups: np.ndarray | None) -> None:
    lengths = np.random.default_rng(0).uniform(0.1, 4, 100)
    batches = EpochBatches(100, 10, seed=3, lengths=lengths)
    if groups is not None:
        batches = GroupBatches(groups, 10, seed=3, lengths=lengths)
    counts = np.zeros(100)
    for epoch in range(400):
        batches.set_epoch(epoch)
        items = [index for batch in batches for _, index, _ in batch]
        assert len(items) == 100
        counts += np.bincount(items, minlength=100)
    np.testing.assert_allclose(counts / 400, 100 * lengths / lengths.sum(), atol=0.12)
    batches.set_epoch(5)
    assert list(batches) == list(batches)


def test_without_lengths_orders_are_what_they_were() -> None:
    batches = EpochBatches(1000, 1000, seed=4)
    batches.set_epoch(2)
    assert [index for _, index, _ in batches.batch(0)] == np.random.default_rng((4, 2)).permutation(1000).tolist()
