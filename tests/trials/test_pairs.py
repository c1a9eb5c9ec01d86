"""Pairs found by hashing are those that a dictionary finds."""

import numpy as np
import pytest

from speakerssl.trials.pairs import count_repeats, find_pairs


@pytest.mark.parametrize("count", [0, 1, 5, 3000])
def test_against_a_dictionary(count: int) -> None:
    rng = np.random.default_rng(count)
    have = rng.permutation(4 * count + 8)[:count].astype(np.int64) * 1_000_003
    values = rng.standard_normal(count)
    want = np.concatenate([have, rng.integers(0, 9, 100) * 1_000_003 + 1, [0, 1_000_003]])
    rng.shuffle(want)
    rows, clash = find_pairs(have, values, want)
    by_code = {code: row for row, code in enumerate(have.tolist())}
    assert rows.tolist() == [by_code.get(code, -1) for code in want.tolist()]
    assert clash == -1


def test_repeats_unknown_pairs_and_contradictions() -> None:
    have = np.array([5, -1, 7, 5, -1])
    rows, clash = find_pairs(have, np.array([1.0, 2.0, 3.0, 1.0, 9.0]), np.array([7, 5, 6]))
    assert (rows.tolist(), clash) == ([2, 0, -1], -1)
    assert find_pairs(have, np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([7]))[1] == 3


@pytest.mark.parametrize("count", [1, 7, 4000])
@pytest.mark.parametrize("distinct", [1, 5, 100_000])
def test_repeats_against_a_slow_count(count: int, distinct: int) -> None:
    rng = np.random.default_rng(count)
    codes, labels = rng.integers(0, distinct, count) << 32, rng.integers(0, 2, count).astype(np.int8)
    last: dict[int, int] = {}
    again, clashes = [], []
    for row, code in enumerate(codes.tolist()):
        if code in last:
            again.append(row)
            if labels[last[code]] != labels[row]:
                clashes.append((last[code], row))
        last[code] = row
    found = count_repeats(codes, labels)
    assert (found.total, found.clashes) == (len(again), len(clashes))
    assert found.first == min(again, default=-1)
    assert found.clash == (clashes[0] if clashes else (-1, -1))
    assert count_repeats(codes, None) == (len(again), min(again, default=-1), 0, (-1, -1))
