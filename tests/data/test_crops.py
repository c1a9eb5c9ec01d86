"""Crop positions: inside the recording, never overlapping, everywhere equally likely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerssl.data.crops import one_crop, plan_views, two_crops, wrap_pad


@given(total=st.integers(2, 1000), length=st.integers(1, 300), seed=st.integers(0, 2**31))
def test_two_crops_lie_inside_and_never_overlap(total: int, length: int, seed: int) -> None:
    first, second = sorted(two_crops(total, length, np.random.default_rng(seed)))
    assert first[0] >= 0
    assert first[0] + first[1] <= second[0]
    assert second[0] + second[1] <= total
    assert 1 <= first[1] <= length
    assert 1 <= second[1] <= length
    if total >= 2 * length:
        assert first[1] == second[1] == length


def test_order_is_random_and_both_ends_are_reached() -> None:
    rng = np.random.default_rng(0)
    crops = [two_crops(50, 10, rng) for _ in range(4000)]
    starts = {start for pair in crops for start, _ in pair}
    assert starts == set(range(41))
    assert 0.45 < np.mean([a[0] < b[0] for a, b in crops]) < 0.55


def test_short_recordings_give_their_halves() -> None:
    first, second = sorted(two_crops(15, 10, np.random.default_rng(1)))
    assert first == (0, 7)
    assert second == (7, 8)
    assert one_crop(5, 10, np.random.default_rng(0)) == (0, 5)


@pytest.mark.parametrize("length", [3, 5, 12])
def test_wrap_pad_repeats_from_the_start(length: int) -> None:
    values = np.arange(10).reshape(5, 2)
    padded = wrap_pad(values, length)
    assert np.array_equal(padded, np.array([values[i % 5] for i in range(length)]))


def test_plan_has_globals_then_locals() -> None:
    plan = plan_views(1000, 100, 3, 40, 4, np.random.default_rng(0))
    assert [wanted for _, wanted in plan] == [100] * 3 + [40] * 4
    (a, _), (b, _) = sorted(plan[:2])
    assert a[0] + a[1] <= b[0]
