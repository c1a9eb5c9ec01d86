"""A feature store: log-mel features of every recording in several independently augmented copies, on disk.

Where the network is small, decoding, rooms and FBank cost more than training; a store pays for them once and
serves every run that follows through memory mapping (processes share the pages). Copy 0 is never augmented.

    store/
      info.json       feature options, augmentation, seed, number of copies
      index.npz       ids [N], offsets [N+1] in frames
      copy-00.npy     [total frames, F] float16 log-mel, before mean normalization
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.errors import InputError


class FeatureStore:
    """A store opened for reading. `frames(i, copy)` is a view [T, F] float16 into the mapped file."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.info: dict[str, Any] = json.loads((self.path / "info.json").read_text(encoding="utf-8"))
            index = np.load(self.path / "index.npz", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path}: not a complete feature store ({error}); make it with `speakerssl features`"
            ) from None
        self.ids: list[str] = index["ids"].tolist()
        self.offsets: np.ndarray = index["offsets"]
        self.num_copies: int = self.info["copies"]
        self._copies: list[np.ndarray | None] = [None] * self.num_copies

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def feat_dim(self) -> int:
        return int(self.copy(0).shape[1])

    def num_frames(self, index: int) -> int:
        return int(self.offsets[index + 1] - self.offsets[index])

    def copy(self, copy: int) -> np.ndarray:
        """The whole of one copy, [total frames, F] float16, memory-mapped."""
        mapped = self._copies[copy]
        if mapped is None:
            mapped = np.load(self.path / f"copy-{copy:02d}.npy", mmap_mode="r")
            self._copies[copy] = mapped
        return mapped

    def frames(self, index: int, copy: int = 0) -> np.ndarray:
        return self.copy(copy)[self.offsets[index] : self.offsets[index + 1]]

    def check_features(self, features: Mapping[str, Any]) -> None:
        """Raises InputError when the store was made with other feature options than `features`."""
        mine = {key: value for key, value in self.info["features"].items() if key not in _AFTER_STORAGE}
        asked = {key: value for key, value in features.items() if key not in _AFTER_STORAGE}
        if mine != asked:
            different = sorted(key for key in mine.keys() | asked.keys() if mine.get(key) != asked.get(key))
            raise InputError(
                f"{self.path}: made with other feature options ({', '.join(different)}); "
                "make the store again or change the configuration's features section"
            )


# Normalization happens after the crop is cut, dither cannot be undone but does not change what is stored.
_AFTER_STORAGE = ("cmn", "dither")
