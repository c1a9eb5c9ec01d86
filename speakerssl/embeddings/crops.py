"""Which parts of a recording are embedded: all of it, or evenly spaced crops (six of two seconds in the paper)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.options import check_keys

MEANS = ("raw", "unit")


@dataclass(frozen=True)
class Crops:
    """`number` crops of `seconds` each, from the recording's start to its end; 0: the recording as a whole."""

    number: int = 0
    seconds: float = 2.0
    mean: str = "unit"  # of the crops' unit vectors, or of their embeddings as they are (`raw`)

    def __post_init__(self) -> None:
        if isinstance(self.number, bool) or not isinstance(self.number, int) or self.number < 0:
            raise InputError(f"num_crops is {self.number!r}; it must be a whole number, 0 or more")
        if not isinstance(self.seconds, (int, float)) or not self.seconds > 0:
            raise InputError(f"crop_seconds is {self.seconds!r}; it must be a number above 0")

        if self.mean not in MEANS:
            raise unknown_name("evaluation 'mean'", str(self.mean), MEANS)

    @classmethod
    def from_config(cls, section: Mapping[str, Any], where: str) -> "Crops":
        """From `{num_crops, crop_seconds, mean}`. Raises InputError beginning with `where`."""
        check_keys(f"{where}: evaluation", section, ("num_crops", "crop_seconds", "mean"))
        try:
            return cls(section.get("num_crops", 0), section.get("crop_seconds", 2.0), section.get("mean", "unit"))
        except InputError as error:
            raise InputError(f"{where}: evaluation: {error}") from None

    def cut(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """Crops [n, L] of `waveform` [S]; one that is shorter than a crop is repeated and gives a single crop."""
        length = round(self.seconds * sample_rate)
        if len(waveform) <= length:
            return np.resize(waveform, (1, length))
        return np.stack([waveform[start : start + length] for start in self.starts(len(waveform), length)])

    def starts(self, samples: int, length: int) -> np.ndarray:
        """The first sample of each crop of `length` samples in a recording of more `samples`: integers [number]."""
        return np.linspace(0, samples - length, self.number).round().astype(int)
