"""Copies at another speed: times at the new speed, pitch that moves, names and bad factors."""

from typing import Any

import numpy as np
import pytest

from speakerssl.augment.speed_copies import SpeedCopy, check_speeds
from speakerssl.errors import InputError


class Tone:
    """Two seconds of a 1 kHz tone."""

    id, source = "tone", "tone.wav"

    def read(self, start: float = 0.0, duration: float | None = None) -> np.ndarray:
        times = np.arange(round(16000 * start), round(16000 * (2.0 if duration is None else start + duration))) / 16000
        return np.sin(2 * np.pi * 1000 * times).astype(np.float32)


def test_a_faster_copy_is_shorter_and_higher() -> None:
    copy = SpeedCopy(Tone(), 1.1)
    assert copy.id == "sp1.1-tone"
    assert len(copy.read()) == pytest.approx(32000 / 1.1, abs=2)
    crop = copy.read(0.5, 1.0)
    assert len(crop) == pytest.approx(16000, abs=2)
    peak = np.abs(np.fft.rfft(crop[:16000])).argmax() * 16000 / len(crop[:16000])
    assert peak == pytest.approx(1100, abs=2)


def test_a_crop_is_that_part_of_the_whole_copy() -> None:
    copy = SpeedCopy(Tone(), 0.8)
    whole, crop = copy.read(), copy.read(0.5, 0.25)
    assert crop[100:3900] == pytest.approx(whole[8100:11900], abs=1e-2)


@pytest.mark.parametrize("speeds", [[1.0], [0.9, 0.9], [3], "0.9", ["0.9"]])
def test_bad_speeds_are_an_error(speeds: Any) -> None:
    with pytest.raises(InputError, match=r"must be different numbers from 0.5 to 2 other than 1, such as \[0.9, 1.1\]"):
        check_speeds(speeds)
