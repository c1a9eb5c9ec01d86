"""A feature store: log-mel features of every recording in several independently augmented copies, on disk.

Where the network is small, decoding, rooms and FBank cost more than training; a store pays for them once and
serves every run that follows; processes share the system's cache of its files. Copy 0 is never augmented.

    store/
      info.json       feature options, augmentation, seed, number of copies
      index.npz       ids [N], offsets [N+1] in frames
      copy-00.npy     [total frames, F] float16 log-mel, before mean normalization
"""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import reading
from speakerssl.npz import texts


class FeatureStore:
    """A store opened for reading.

    Raises:
        InputError: no complete store, or an index that does not fit the files.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.info: dict[str, Any] = json.loads((self.path / "info.json").read_text(encoding="utf-8"))
            self.num_copies = int(self.info["copies"])
            with np.load(self.path / "index.npz", allow_pickle=False) as index:
                self.ids: list[str] = texts(np.asarray(index["ids"]).astype(str))
                self.offsets: np.ndarray = np.asarray(index["offsets"]).astype(np.int64)
            if self.offsets.shape != (len(self.ids) + 1,) or self.offsets[0] != 0 or (np.diff(self.offsets) < 0).any():
                raise ValueError("its index contradicts itself")
        except (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.path}: not a complete feature store ({error}); make it with `speakerssl features`"
            ) from None
        self._files: dict[int, _CopyFile] = {}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def feat_dim(self) -> int:
        return self._file(0).width

    def num_frames(self, index: int) -> int:
        return int(self.offsets[index + 1] - self.offsets[index])

    def frames(self, index: int, copy: int = 0, start: int = 0, count: int | None = None) -> np.ndarray:
        """float16 [T, F]: `count` frames of a recording from `start` (None: to its end).

        Raises InputError where the file has become shorter since it was opened.
        """
        length = self.num_frames(index)
        stop = length if count is None else min(length, start + count)
        return self._file(copy).rows(int(self.offsets[index]) + start, max(0, stop - start))

    def _file(self, copy: int) -> "_CopyFile":
        if copy not in self._files:
            self._files[copy] = _CopyFile(self.path / f"copy-{copy:02d}.npy", int(self.offsets[-1]))
        return self._files[copy]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}  # a process that is spawned opens its own

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


class _CopyFile:
    """Rows of an npy file, read and not mapped: a mapped file that is cut off kills the process that looks at it."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        with reading(path):
            self._stream = open(path, "rb", buffering=0)  # noqa: SIM115 - kept open
            try:
                version = np.lib.format.read_magic(self._stream)
                header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                )
                shape, by_column, dtype = header(self._stream)
            except (ValueError, TypeError, SyntaxError):
                raise InputError(f"{path}: is no array of features; make the store again") from None
        if len(shape) != 2 or shape[0] != rows or by_column or dtype != np.float16:
            raise InputError(f"{path}: holds {shape} of {dtype}, not {rows} frames of float16; make the store again")
        self.width = int(shape[1])
        self._begin = self._stream.tell()
        if os.fstat(self._stream.fileno()).st_size < self._begin + 2 * rows * self.width:
            raise InputError(f"{path}: is truncated; make the store again")

    def rows(self, first: int, count: int) -> np.ndarray:
        """float16 [count, F]."""
        size = 2 * self.width
        with reading(self.path):
            content = os.pread(self._stream.fileno(), count * size, self._begin + first * size)
        if len(content) < count * size:
            raise InputError(f"{self.path}: was cut off while it was read; make the store again")
        return np.frombuffer(content, np.float16).reshape(count, self.width)
