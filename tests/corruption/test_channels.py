"""The held-out channels: disjoint from training's, repeatable, and each does what its name says."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.augment.augment_config import PRESETS
from speakerssl.augment.codec import Codec
from speakerssl.augment.rooms import RoomRanges
from speakerssl.corruption.channels import RANGES, ChannelSpec, RandomChannel, build_channel
from speakerssl.errors import InputError


@pytest.fixture(scope="module")
def heldout_test_family() -> RandomChannel:
    return build_channel(ChannelSpec("test", 0))


@pytest.fixture(scope="module")
def validation_family() -> RandomChannel:
    return build_channel(ChannelSpec("validation", 0))


def words_of(family: RandomChannel, name: str, wave: np.ndarray, count: int) -> list[str]:
    return [family(wave, ChannelSpec(name, 0).rng(str(i)))[1] for i in range(count)]


def test_the_kinds_are_disjoint(
    heldout_test_family: RandomChannel, validation_family: RandomChannel, wave: np.ndarray
) -> None:
    """No effect of one family is named in the other, and no codec of either is training's default."""
    kinds = []
    for family, name in ((heldout_test_family, "test"), (validation_family, "validation")):
        words = " ".join(words_of(family, name, wave[:8000], 60)).split()
        kinds.append({word.split("@")[0].rstrip("0123456789.-") for word in words})
    assert kinds[0] & kinds[1] == set()
    trained = set(Codec().kinds) | set(PRESETS["strong"].get("codec", {}).get("kinds", ()))
    assert trained.isdisjoint({"opus", "a_law", "gsm", "mp3", "g723"})
    assert {kind for kind in kinds[0] if "telephone" in kind} == {"telephone-a_law", "telephone-gsm"}


def test_no_test_room_has_the_shape_of_a_training_room() -> None:
    training = RoomRanges()
    for ranges in RANGES.values():
        apart = [
            low > mine_high or high < mine_low
            for (low, high), (mine_low, mine_high) in zip(
                (ranges.length, ranges.width, ranges.height), (training.length, training.width, training.height)
            )
        ]
        assert any(apart)


def test_every_recording_is_changed_and_keeps_length(heldout_test_family: RandomChannel, wave: np.ndarray) -> None:
    for index in range(30):
        degraded, words = heldout_test_family(wave, ChannelSpec("test", 3).rng(f"utt{index}"))
        assert degraded.shape == wave.shape
        assert degraded.dtype == np.float32
        assert np.isfinite(degraded).all()
        assert words
        assert not np.allclose(degraded, wave, rtol=0.01)


def test_the_generator_depends_on_family_seed_and_id_alone() -> None:
    def first(name: str, seed: int, key: str) -> float:
        return float(ChannelSpec(name, seed).rng(key).random())

    assert first("test", 0, "a") == first("test", 0, "a")
    assert len({first("test", 0, "a"), first("test", 0, "b"), first("test", 1, "a"), first("validation", 0, "a")}) == 4


def test_recorded_sources_are_used_and_named(shared_data: Path, wave: np.ndarray) -> None:
    family = build_channel(ChannelSpec("test", 0, str(shared_data / "noise")))
    words = words_of(family, "test", wave[:8000], 60)
    assert any("room=speechbrain_rir" in w or "room=audiomentations" in w for w in words)
    assert any("room=hall" in w or "room=booth" in w or "room=corridor" in w for w in words)
    assert any("noise=esc10/" in w for w in words)
    assert not any("noise=rir/" in w or "sirens" in w for w in words)


def test_unknown_sets_and_folders_are_named() -> None:
    with pytest.raises(InputError, match="unknown set of channels 'train'; the known ones are: test, validation"):
        build_channel(ChannelSpec("train", 0))
    with pytest.raises(InputError, match="/nowhere/at/all: is not a folder"):
        build_channel(ChannelSpec("test", 0, "/nowhere/at/all"))
