"""Crop positions: inside the recording, never overlapping, everywhere equally likely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerssl.data.crops import gap_first_crops, one_crop, plan_views, two_crops, wrap_pad


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


def test_gap_first_is_the_snapshots_own_rule() -> None:
    """The places and how often each occurs against listing every draw of sslsv's rule: gap, then pivot."""
    total, length = 11, 3
    expected: dict[tuple[int, int], float] = {}
    for gap in range(total - 2 * length + 1):
        lower, upper = length + gap // 2, total - (length + gap // 2)
        for pivot in range(lower, upper + 1):
            places = (pivot - gap // 2 - length, pivot + gap // 2)
            share = 1 / (total - 2 * length + 1) / (upper + 1 - lower)
            expected[places] = expected.get(places, 0.0) + share
    rng = np.random.default_rng(0)
    draws = [gap_first_crops(total, length, rng) for _ in range(20000)]
    counts: dict[tuple[int, int], int] = {}
    for first, second in draws:
        assert first[0] + length <= second[0]
        counts[first[0], second[0]] = counts.get((first[0], second[0]), 0) + 1
    assert set(counts) == set(expected)
    for places, share in expected.items():
        assert counts[places] / len(draws) == pytest.approx(share, abs=0.012)


def test_overlapping_globals_lie_anywhere_each_on_its_own() -> None:
    rng = np.random.default_rng(0)
    plans = [plan_views(50, 40, 2, 20, 4, rng, disjoint=False) for _ in range(3000)]
    assert all([wanted for _, wanted in plan] == [40, 40, 20, 20, 20, 20] for plan in plans)
    assert all(crop == (crop[0], wanted) for plan in plans for crop, wanted in plan)  # none is shorter than asked
    starts = np.array([[crop[0] for crop, _ in plan] for plan in plans])
    assert set(starts[:, 0]) == set(starts[:, 1]) == set(range(11))
    assert set(starts[:, 2]) == set(range(31))
    assert abs(np.corrcoef(starts[:, 0], starts[:, 1])[0, 1]) < 0.06
    apart = plan_views(50, 40, 2, 20, 0, rng)
    assert all(crop[1] == 25 for crop, _ in apart)  # disjoint: two halves of 25 in place of two crops of 40
