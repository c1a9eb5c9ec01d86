"""Vector operations over the lanes against numpy."""

import numpy as np
import pytest

from speakerssl.metrics import lanes
from speakerssl.metrics.lanes import LANES, add_losses, add_products

SPEAKERS = 7


def drawn(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    enrol, test = (rng.integers(0, SPEAKERS, count).astype(np.int32) for _ in range(2))
    return rng.integers(0, 256, (SPEAKERS, LANES)).astype(np.uint8), enrol, test


@pytest.mark.parametrize(("begin", "end"), [(0, 0), (0, 1), (3, 8), (2, 40), (0, 41)])
def test_products_are_added_to_what_is_there(begin: int, end: int) -> None:
    copies, enrol, test = drawn(41)
    total = np.arange(LANES, dtype=np.int64)
    add_products(copies.reshape(-1), enrol, test, begin, end, np.empty((2, LANES), np.int32), total)
    wide = copies.astype(np.int64)
    expected = np.arange(LANES) + (wide[enrol[begin:end]] * wide[test[begin:end]]).sum(axis=0)
    np.testing.assert_array_equal(total, expected)


def test_a_sum_of_the_most_copies_does_not_overflow() -> None:
    count = 3 * lanes.MOST + 1
    copies, speaker, total = np.full(LANES, 255, np.uint8), np.zeros(count, np.int32), np.zeros(LANES, np.int64)
    add_products(copies, speaker, speaker, 0, count, np.empty((2, LANES), np.int32), total)
    assert total.tolist() == [count * 255 * 255] * LANES


def test_losses_are_added_in_their_order() -> None:
    copies, enrol, test = drawn(50)
    losses, total = np.random.default_rng(0).random(50), np.zeros(LANES)
    add_losses(copies.reshape(-1), enrol, test, losses, total)
    expected = np.zeros(LANES)
    for one, other, loss in zip(enrol, test, losses):
        expected += copies[one].astype(np.int64) * copies[other].astype(np.int64) * loss
    np.testing.assert_array_equal(total, expected)  # to the last bit
