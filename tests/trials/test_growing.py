"""Arrays that grow are the concatenation of their parts, whatever was expected."""

import numpy as np
import pytest

from speakerssl.trials.growing import GrowingArray


@pytest.mark.parametrize("expected", [0, 3, 40, 1000])
def test_parts_one_after_the_other(expected: int) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal(size) for size in (5, 0, 1, 17, 30)]
    growing = GrowingArray(expected)
    assert len(growing.array) == 0
    for count, part in enumerate(parts, 1):
        growing.add(part)
        np.testing.assert_array_equal(growing.array, np.concatenate(parts[:count]))


def test_the_widest_type_is_that_of_all() -> None:
    growing = GrowingArray(2)
    growing.add(np.array([1, 255], np.uint8))
    assert growing.array.dtype == np.uint8
    growing.add(np.array([70_000], np.int32))
    assert growing.array.dtype == np.int32
    growing.add(np.array([7], np.uint8))
    assert growing.array.tolist() == [1, 255, 70_000, 7]
