"""Batches of one group each: whole ones as far as they go, each recording once an epoch."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.group_batches import GroupBatches, read_groups
from speakerssl.errors import InputError

GROUPS = np.repeat([0, 1, 2], [23, 14, 4])  # 41 items: 2 and 1 whole batches of 8, and 17 that are left


def test_batches_are_of_one_group_as_far_as_groups_fill_them() -> None:
    batches = GroupBatches(GROUPS, 8, seed=1)
    orders = []
    for epoch in range(3):
        batches.set_epoch(epoch)
        kinds = [{int(GROUPS[index]) for _, index, _ in batch} for batch in batches]
        assert len(kinds) == len(batches) == 5
        assert sorted(kind.pop() for kind in kinds if len(kind) == 1)[:3] == [0, 0, 1]
        seen = [index for batch in batches for _, index, _ in batch]
        assert len(seen) == len(set(seen)) == 40
        orders.append([tuple(sorted({int(GROUPS[i]) for _, i, _ in batch})) for batch in batches])
    assert len(set(map(tuple, orders))) > 1  # groups do not come in one order


def test_other_recordings_are_left_over_each_time() -> None:
    batches = GroupBatches(GROUPS, 8, seed=1)
    left = set()
    for epoch in range(1000):
        batches.set_epoch(epoch)
        left |= set(range(len(GROUPS))) - {index for batch in batches for _, index, _ in batch}
    assert left == set(range(len(GROUPS)))


def test_processes_split_the_batch_of_one() -> None:
    alone = GroupBatches(GROUPS, 8, seed=2)
    pair = [GroupBatches(GROUPS, 8, seed=2, rank=rank, world_size=2) for rank in range(2)]
    for position in range(len(alone)):
        assert sorted(pair[0].batch(position) + pair[1].batch(position)) == sorted(alone.batch(position))


def test_resuming_inside_an_epoch_gives_the_rest_of_it() -> None:
    whole, rest = GroupBatches(GROUPS, 8, seed=1), GroupBatches(GROUPS, 8, seed=1)
    whole.set_epoch(3)
    rest.set_epoch(3, start=2)
    assert list(rest) == list(whole)[2:]


def test_a_group_smaller_than_a_batch_is_only_in_mixed_ones() -> None:
    batches = GroupBatches(np.array([0, 0, 0, 1, 1, 1]), 4, seed=0)
    assert [len(batch) for batch in batches] == [4]


def test_groups_are_read_in_the_order_of_the_recordings(tmp_path: Path) -> None:
    path = tmp_path / "utt2corpus"
    path.write_text("a an4\nb libri\nc an4\nd other\n")
    groups = read_groups(str(path), ["c", "b", "a"])
    assert groups[0] == groups[2] != groups[1]


def test_a_recording_without_a_group_and_a_malformed_line_are_named(tmp_path: Path) -> None:
    path = tmp_path / "utt2corpus"
    path.write_text("a an4\nb\n")
    with pytest.raises(InputError, match=r"utt2corpus:2: .*data\.groups"):
        read_groups(str(path), ["a"])
    path.write_text("a an4\n")
    with pytest.raises(InputError, match="no group for 1 of 2 training recordings, such as b"):
        read_groups(str(path), ["a", "b"])
    with pytest.raises(InputError, match=r"data\.groups"):
        read_groups(str(tmp_path / "none"), ["a"])
