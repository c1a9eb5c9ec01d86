"""The batches that a configuration asks for, and what cannot be asked for together."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from speakerssl.config import Config, DataConfig, TrainingConfig
from speakerssl.data.group_batches import GroupBatches
from speakerssl.data.sampler import EpochBatches
from speakerssl.errors import InputError
from speakerssl.training.batching import build_batches
from speakerssl.training.build import run_identity
from speakerssl.training.distributed import World

IDS = [f"utt{number}" for number in range(20)]


class Recordings:
    ids = IDS
    seconds = np.arange(1.0, 21.0)

    def __len__(self) -> int:
        return len(IDS)


def batches_of(data: DataConfig, classes: np.ndarray | None = None) -> EpochBatches:
    config = Config(features={}, encoder={}, loss={}, data=data, training=TrainingConfig(batch_size=4, seed=3, steps=1))
    world = cast(World, SimpleNamespace(rank=0, size=1))
    return build_batches(config, cast(Any, Recordings()), classes, world)


@pytest.fixture
def utt2corpus(tmp_path: Path) -> Path:
    path = tmp_path / "utt2corpus"
    path.write_text("".join(f"{name} {'ab'[number >= 8]}\n" for number, name in enumerate(IDS)))
    return path


def test_without_groups_batches_are_shuffled_and_may_be_balanced() -> None:
    plain = batches_of(DataConfig())
    assert type(plain) is EpochBatches
    assert (len(plain), plain.classes) == (5, None)
    classes = np.repeat([0, 1], [18, 2])
    assert batches_of(DataConfig(), classes).classes is classes


def test_groups_are_read_for_the_recordings_of_the_dataset(utt2corpus: Path) -> None:
    batches = batches_of(DataConfig(groups=str(utt2corpus)))
    assert type(batches) is GroupBatches
    assert all(len({index >= 8 for _, index, _ in batch}) == 1 for batch in batches)


def test_groups_go_with_no_other_order(utt2corpus: Path) -> None:
    grouped = DataConfig(groups=str(utt2corpus))
    with pytest.raises(InputError, match=r"method\.balanced"):
        batches_of(grouped, np.zeros(20, np.int64))
    with pytest.raises(InputError, match=r"data\.shards"):
        batches_of(replace(grouped, shards=("shards",)))


def test_recordings_come_in_proportion_to_their_length_with_and_without_groups(utt2corpus: Path) -> None:
    for data in (DataConfig(by_length=True), DataConfig(by_length=True, groups=str(utt2corpus))):
        assert batches_of(data).lengths is Recordings.seconds
    assert batches_of(DataConfig(groups=str(utt2corpus))).lengths is None
    with pytest.raises(InputError, match=r"data\.by_length and method\.balanced both say"):
        batches_of(DataConfig(by_length=True), np.zeros(20, np.int64))
    with pytest.raises(InputError, match=r"data\.by_length and data\.shards both say"):
        batches_of(DataConfig(by_length=True, shards=("shards",)))


def test_a_store_beside_shards_is_read_in_groups(utt2corpus: Path) -> None:
    assert type(batches_of(DataConfig(groups=str(utt2corpus), shards=("x",), store=("s",)))) is GroupBatches


def test_a_run_is_another_one_with_other_groups_but_not_with_the_same_elsewhere(utt2corpus: Path) -> None:
    def identity(path: Path | None) -> str:
        data = DataConfig(groups=None if path is None else str(path))
        return run_identity(Config(features={}, encoder={}, loss={}, data=data), IDS)

    copy, other = utt2corpus.with_name("copy"), utt2corpus.with_name("other")
    copy.write_text(utt2corpus.read_text())
    other.write_text(utt2corpus.read_text().replace("utt19 b", "utt19 a"))
    assert identity(utt2corpus) == identity(copy)
    assert len({identity(None), identity(copy), identity(other)}) == 3
