"""Views: repeatable, from disjoint places, only the crop decoded, each with its own augmentation."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.augment.chain import build_augmenter
from speakerssl.config import ViewsConfig
from speakerssl.data.kaldi import Utterance
from speakerssl.data.sndfile import SndfileDecoder
from speakerssl.data.store import FeatureStore
from speakerssl.data.views import AudioViews, StoreViews, collate

RAMP = np.arange(48000) / 100000  # every sample tells where it was


@pytest.fixture
def ramp(tmp_path: Path) -> Utterance:
    path = tmp_path / "ramp.wav"
    soundfile.write(path, RAMP, 16000, subtype="FLOAT")
    return Utterance("ramp", str(path), recording="ramp")


def test_two_views_are_disjoint_crops_of_the_recording(ramp: Utterance) -> None:
    dataset = AudioViews([ramp], [48000], ViewsConfig(crop_seconds=1.0), None, seed=0)
    for epoch in range(10):
        first, second = dataset[epoch, 0, 0]
        assert len(first) == len(second) == 16000
        positions = [np.round(view / 32768 * 100000).astype(int) for view in (first, second)]
        assert all((np.diff(p) == 1).all() for p in positions)
        assert not set(positions[0]) & set(positions[1])


def test_only_the_crops_are_decoded_from_one_opening(ramp: Utterance, monkeypatch) -> None:
    asked, opened = [], []
    read, start = SndfileDecoder.read, SndfileDecoder.__init__

    def record_read(self, first, count):
        asked.append(count)
        return read(self, first, count)

    def record_start(self, *args):
        opened.append(args[0])
        start(self, *args)

    monkeypatch.setattr(SndfileDecoder, "read", record_read)
    monkeypatch.setattr(SndfileDecoder, "__init__", record_start)
    views = ViewsConfig(crop_seconds=0.5, num_local=2, local_seconds=0.25)
    shapes = [len(view) for view in AudioViews([ramp], [48000], views, None, seed=0)[0, 0, 0]]
    assert shapes == [8000, 8000, 4000, 4000]
    assert asked == [8000, 8000, 4000, 4000]
    assert opened == [ramp.source]


@pytest.mark.parametrize("preset", ["sslsv", "strong"])
def test_a_batch_has_the_bits_of_its_recordings_one_by_one(ramp: Utterance, preset: str) -> None:
    views = ViewsConfig(crop_seconds=0.5, num_local=1, local_seconds=0.25)
    chain = build_augmenter({"preset": preset, "reverb": {"prob": 0.8, "rooms": 3}}, seed=1)
    dataset = AudioViews([ramp] * 9, [48000] * 9, views, chain, seed=0)
    items = [(2, i, (i + 3) % 9) for i in range(9)]
    for together, alone in zip(dataset.__getitems__(items), [dataset[item] for item in items], strict=True):
        for first, second in zip(together, alone, strict=True):
            np.testing.assert_array_equal(first, second)


def test_short_recordings_are_wrap_padded(ramp: Utterance) -> None:
    dataset = AudioViews([ramp], [12000], ViewsConfig(crop_seconds=1.0), None, seed=0)
    for view in dataset[0, 0, 0]:
        assert len(view) == 16000
        np.testing.assert_array_equal(view[6000:12000], view[:6000])


def test_a_view_depends_on_seed_epoch_and_recording_alone(ramp: Utterance) -> None:
    def noisy(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return wave + rng.standard_normal(len(wave)).astype(np.float32)

    views = ViewsConfig(crop_seconds=0.2)
    one = AudioViews([ramp], [48000], views, noisy, seed=0)
    two = AudioViews([ramp], [48000], views, noisy, seed=0)
    two[5, 0, 0]
    np.testing.assert_array_equal(one[1, 0, 0], two[1, 0, 0])
    assert not np.array_equal(one[1, 0, 0], one[2, 0, 0])
    other = AudioViews([ramp], [48000], views, noisy, seed=1)
    assert not np.array_equal(one[1, 0, 0], other[1, 0, 0])


def write_store(folder: Path, copies: int, frames: int = 100) -> FeatureStore:
    """Copy c of recording r at frame t holds (c, r, t)."""
    folder.mkdir()
    (folder / "info.json").write_text(f'{{"copies": {copies}, "features": {{}}}}')
    np.savez(folder / "index.npz", ids=np.array(["a", "b", "c"]), offsets=np.arange(4) * frames)
    for copy in range(copies):
        rows = [(copy, recording, frame) for recording in range(3) for frame in range(frames)]
        np.save(folder / f"copy-{copy:02d}.npy", np.array(rows, dtype=np.float16))
    return FeatureStore(folder)


def test_store_views_come_from_two_augmented_copies(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", copies=4)
    dataset = StoreViews([store], ViewsConfig(crop_seconds=0.3), seed=0, exclude={"b"})
    assert dataset.ids == ["a", "c"]
    copies = set()
    for epoch in range(30):
        first, second = dataset[epoch, 1, 1]
        assert first.shape == second.shape == (30, 3)
        assert (first[:, 1] == 2).all()
        assert (second[:, 1] == 2).all()
        assert first[0, 0] != second[0, 0]
        assert not set(first[:, 2]) & set(second[:, 2])
        copies |= {first[0, 0], second[0, 0]}
    assert copies == {1, 2, 3}


def test_the_second_view_comes_from_the_partner(tmp_path: Path) -> None:
    dataset = StoreViews([write_store(tmp_path / "s", 3)], ViewsConfig(crop_seconds=0.3), seed=0, exclude=set())
    first, second = dataset[0, 0, 2]
    assert (first[:, 1] == 0).all()
    assert (second[:, 1] == 2).all()


def test_a_store_without_augmented_copies_gives_clean_views(tmp_path: Path) -> None:
    dataset = StoreViews([write_store(tmp_path / "s", 1)], ViewsConfig(crop_seconds=0.3), seed=0, exclude=set())
    assert all((view[:, 0] == 0).all() for view in dataset[0, 0, 0])


def test_views_say_how_long_each_recording_is(tmp_path: Path, ramp: Utterance) -> None:
    assert AudioViews([ramp, ramp], [16000, 8000], ViewsConfig(), None, seed=0).seconds.tolist() == [1.0, 0.5]
    stored = StoreViews([write_store(tmp_path / "s", 1, frames=250)], ViewsConfig(), seed=0, exclude={"b"})
    assert stored.seconds.tolist() == [2.5, 2.5]


def test_collate_stacks_by_view() -> None:
    first, second = collate([[np.zeros((4, 2)), np.ones((6, 2))]] * 3)
    assert first.shape == (3, 4, 2)
    assert second.shape == (3, 6, 2)


def test_clean_prob_leaves_one_of_the_first_two_views_as_recorded(tmp_path: Path, ramp: Utterance) -> None:
    views = ViewsConfig(crop_seconds=0.3, clean_prob=0.5)
    store = StoreViews([write_store(tmp_path / "s", 4)], views, seed=0, exclude=set())
    clean = [[int(view[0, 0]) == 0 for view in store[epoch, 0, 0]] for epoch in range(400)]
    assert not any(all(pair) for pair in clean)
    assert 0.4 < np.mean([any(pair) for pair in clean]) < 0.6
    assert 0.15 < np.mean([pair[0] for pair in clean]) < 0.35

    def negate(wave: np.ndarray, _: np.random.Generator) -> np.ndarray:
        return -wave

    audio = AudioViews([ramp], [48000], ViewsConfig(crop_seconds=0.2, clean_prob=1.0), negate, seed=0)
    for epoch in range(5):
        signs = [np.sign(view[-1]) for view in audio[epoch, 0, 0]]
        assert sorted(signs) == [-1, 1]


def test_reference_crops_are_unaugmented_and_first_or_random(tmp_path) -> None:
    wave = np.arange(1, 40001, dtype=np.float32)

    class Recording:
        id = "a"

        def read(self, start: float, duration: float) -> np.ndarray:
            return wave[round(16000 * start) :][: round(16000 * duration)]

    def refuse(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        raise AssertionError("augmented")

    views = AudioViews([Recording()], [40000], ViewsConfig(), refuse, seed=0)
    np.testing.assert_array_equal(views.reference_crop(0, 1.0), wave[:16000])
    assert len(views.reference_crop(0, 4.0)) == 40000
    starts = {int(views.reference_crop(0, 1.0, np.random.default_rng(seed))[0]) for seed in range(20)}
    assert len(starts) > 15
    repeated = views.reference_crop(0, 4.0, np.random.default_rng(0))
    np.testing.assert_array_equal(repeated, np.r_[wave, wave[:24000]])
