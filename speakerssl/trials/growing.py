"""One long array from many parts, without ever standing in memory twice."""

import numpy as np


class GrowingArray:
    """Parts added one after the other; `array` is all of them.

    Args:
        expected: how many values there may be in all. Room for them is set aside at once, which takes no memory before
            it is written to; where there are more, the array grows by a half.
    """

    def __init__(self, expected: int = 0) -> None:
        self._expected = expected
        self._values = np.empty(0, np.uint8)
        self._used = 0

    @property
    def array(self) -> np.ndarray:
        """The values so far [N]."""
        return self._values[: self._used]

    def add(self, part: np.ndarray) -> None:
        """Appends values [n]; a wider type than that of the parts before becomes that of all."""
        end = self._used + len(part)
        dtype = np.result_type(self._values, part) if self._used else part.dtype
        if end > len(self._values) or dtype != self._values.dtype:
            grown = np.empty(max(self._expected, end + end // 2 if self._used else end), dtype)
            grown[: self._used] = self.array
            self._values = grown
        self._values[self._used : end] = part
        self._used = end
