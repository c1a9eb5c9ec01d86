"""Arrays that were computed once and are seen by every worker: memory that forked processes share.

Loader workers are forked from the training process, and each would decode the same noises and transform the same
responses. Here the first that does so leaves the result in a mapping which was made before the fork; the others find
it. What is kept under a key is a function of the key alone, so that two workers which write it at once write the same.
A process that is spawned, and not forked, starts with an empty store of its own.
"""

import mmap
import multiprocessing
from typing import Any

import numpy as np

_SLOTS = 1 << 14  # of the table: places for keys, found by hashing with linear probing
_ALIGN = 64  # bytes
_ENTRY = np.dtype([("key", np.int64, 3), ("start", np.int64), ("length", np.int64), ("used", np.int64)])


class SharedArrays:
    """A store of arrays of one type by keys of three whole numbers.

    Args:
        dtype: of every array, which are one-dimensional.
        memory_mb: bound of all arrays together, in 2^20 bytes; memory is taken as it fills. What comes when it is
            full is not kept.
    """

    def __init__(self, dtype: Any, memory_mb: float) -> None:
        self.dtype, self.memory_mb = np.dtype(dtype), memory_mb
        self._bytes = max(mmap.PAGESIZE, int(memory_mb * 2**20))
        self._lock = multiprocessing.get_context("fork").Lock()
        table = mmap.mmap(-1, (_SLOTS + 1) * _ENTRY.itemsize)
        self._table = np.frombuffer(table, _ENTRY)  # the last entry's `start` is the first free byte
        self._memory = mmap.mmap(-1, self._bytes)

    def get(self, key: tuple[int, int, int]) -> np.ndarray | None:
        """The array under `key` [N], which must not be written to; None where there is none."""
        slot, found = self._find(key)
        if not found:
            return None
        entry = self._table[slot]
        array = np.frombuffer(self._memory, self.dtype, int(entry["length"]), int(entry["start"]))
        array.flags.writeable = False
        return array

    def put(self, key: tuple[int, int, int], array: np.ndarray) -> bool:
        """Keeps a copy of `array` [N] under `key`; says whether there was room."""
        with self._lock:
            slot, found = self._find(key)
            start = int(self._table[_SLOTS]["start"])
            if found or start + array.nbytes > self._bytes or slot < 0:
                return found
            kept = np.frombuffer(self._memory, self.dtype, len(array), start)
            kept[:] = array
            self._table[_SLOTS]["start"] = start + -(-array.nbytes // _ALIGN) * _ALIGN
            entry = self._table[slot]
            entry["key"], entry["start"], entry["length"] = key, start, len(array)
            entry["used"] = 1  # last: readers take no lock
            return True

    def _find(self, key: tuple[int, int, int]) -> tuple[int, bool]:
        """The slot of `key` and whether it is there; a free slot otherwise, -1 where the table is full."""
        first = hash(key) % _SLOTS
        for step in range(64):
            slot = (first + step) % _SLOTS
            entry = self._table[slot]
            if not entry["used"]:
                return slot, False
            if tuple(entry["key"]) == key:
                return slot, True
        return -1, False

    def __getstate__(self) -> dict[str, Any]:
        return {"dtype": self.dtype, "memory_mb": self.memory_mb}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["dtype"], state["memory_mb"])  # type: ignore[misc]
