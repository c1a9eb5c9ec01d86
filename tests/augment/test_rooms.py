"""Simulated rooms: right decay, repeatable, cached, and nothing foreign is overwritten."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.augment import rooms
from speakerssl.augment.rooms import RoomBank, RoomRanges
from speakerssl.errors import InputError

pytest.importorskip("pyroomacoustics")


def rt60(samples: np.ndarray) -> float:
    """Seconds, extrapolated from -5 to -25 dB of Schroeder's integral."""
    energy = np.cumsum((samples.astype(float) ** 2)[::-1])[::-1]
    level = 10 * np.log10(energy / energy[0])
    return 3 * (np.argmax(level < -25) - np.argmax(level < -5)) / 16000


@pytest.mark.parametrize("time", [0.3, 0.8])
def test_decay_time(time: float) -> None:
    ranges = RoomRanges((5, 7), (4, 5), (2.5, 3), (time, time), (1.5, 2.5))
    times = [rt60(rir.samples) for rir in RoomBank.simulate(8, 0, None, ranges).rirs]
    assert np.median(times) == pytest.approx(time, rel=0.25)


def test_the_tail_continues_the_images_without_a_step() -> None:
    ranges = RoomRanges((6, 6), (5, 5), (3, 3), (0.7, 0.7), (2, 2))
    complete = int(10 * 3 / 343 * 16000)
    steps = []
    for rir in RoomBank.simulate(10, 1, None, ranges).rirs:
        before, after = rir.samples[complete - 500 : complete - 100], rir.samples[complete : complete + 400]
        steps.append(10 * np.log10(np.mean(after**2) / np.mean(before**2)))
    assert np.mean(steps) == pytest.approx(-60 * 450 / 16000 / 0.7, abs=2.5)


def test_a_seed_repeats_and_another_differs() -> None:
    first, again, other = (RoomBank.simulate(3, seed) for seed in (5, 5, 6))
    for one, two, three in zip(first.rirs, again.rirs, other.rirs):
        np.testing.assert_array_equal(one.samples, two.samples)
        assert not np.array_equal(one.samples[:200], three.samples[:200])


def test_the_bank_is_cached_and_made_anew_for_other_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rooms.npz"
    made = RoomBank.simulate(4, 1, path)
    monkeypatch.setattr(rooms, "_image_rir", lambda *_: pytest.fail("was simulated again"))
    monkeypatch.setattr(rooms, "_simulator", lambda: rooms._image_rir)
    read = RoomBank.simulate(4, 1, path)
    assert [rir.direct for rir in read.rirs] == [rir.direct for rir in made.rirs]
    for one, two in zip(made.rirs, read.rirs):
        np.testing.assert_array_equal(one.samples, two.samples)
    monkeypatch.undo()
    assert len(RoomBank.simulate(2, 1, path)) == 2


@pytest.mark.parametrize("content", [b"", b"something else"])
def test_a_foreign_file_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rooms.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rooms\.npz: is no bank of rooms"):
        RoomBank.simulate(2, 0, path)
    assert path.read_bytes() == content


def test_without_the_simulator_rooms_are_decaying_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "_simulator", lambda: rooms._noise_rir)
    bank = RoomBank.simulate(3, 0)
    assert all(rir.samples[rir.direct] == 1.0 for rir in bank.rirs)
