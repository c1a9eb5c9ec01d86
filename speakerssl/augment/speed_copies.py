"""Speed perturbation as new speakers: each recording again at other speeds, with a class of its own a speed.

A changed speed moves pitch and formants, so that the voice is another one (Yamamoto et al. 2019; Wang et al. 2020):
three speeds make three times as many classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from speakerssl.augment.speed import change_speed
from speakerssl.constants import SAMPLE_RATE
from speakerssl.errors import InputError


class SpeedCopy:
    """An utterance played `factor` times as fast; its times count at the new speed."""

    def __init__(self, utterance: Any, factor: float) -> None:
        self.utterance, self.factor = utterance, factor
        self.id = copy_name(utterance.id, factor)
        self.source = utterance.source

    def read(self, start: float = 0.0, duration: float | None = None) -> np.ndarray:
        """float32 [S] in the int16 range."""
        length = None if duration is None else duration * self.factor
        return change_speed(self.utterance.read(start * self.factor, length), self.factor)

    def read_crops(self, crops: Sequence[tuple[float, float]], sample_rate: int = SAMPLE_RATE) -> list[np.ndarray]:
        """`read` of each (start, duration), from a file that is opened once."""
        before = [(start * self.factor, duration * self.factor) for start, duration in crops]
        return [change_speed(wave, self.factor) for wave in self.utterance.read_crops(before, sample_rate)]


def copy_name(name: str, factor: float) -> str:
    """Kaldi's name of a recording or speaker at another speed."""
    return f"sp{factor:g}-{name}"


def check_speeds(speeds: Sequence[float]) -> tuple[float, ...]:
    """`speeds` as a tuple. Raises InputError for 1, for one outside 0.5 to 2, and for one that stands twice."""
    numbers = isinstance(speeds, (list, tuple)) and all(isinstance(s, (int, float)) for s in speeds)
    if not numbers or any(not 0.5 <= s <= 2 or s == 1 for s in speeds) or len(set(speeds)) != len(speeds):
        raise InputError(f"speeds: {speeds!r} must be different numbers from 0.5 to 2 other than 1, such as [0.9, 1.1]")
    return tuple(float(speed) for speed in speeds)
