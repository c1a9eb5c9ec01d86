"""Pairs of ids found again, in another order or in the same list, by one table of hashes: no list is sorted."""

from typing import NamedTuple

import numpy as np

from speakerssl.kernels import njit

AHEAD = 64


def find_pairs(have: np.ndarray, values: np.ndarray, want: np.ndarray) -> tuple[np.ndarray, int]:
    """The row of `have` [N] that holds each of `want` [T] (-1 where none does), and one that contradicts (or -1).

    All are numbers of pairs, int64; those of `have` below 0 are passed over. Where a pair stands in `have` twice its
    first row counts; it contradicts where the two `values` [N] differ.
    """
    size = 1 << max(4, int(2 * len(have)).bit_length())
    slots = np.zeros(size, np.int32 if len(have) < 2**31 else np.int64)
    clash = _insert(have, values, slots)
    rows = np.empty(len(want), slots.dtype)
    _find(have, want, slots, rows)
    return rows, int(clash)


class Repeats(NamedTuple):
    """Rows whose pair stood before: how many, the `first` of them (-1: none), how many of them have another label than
    the row before them with their pair, and the first such two rows."""

    total: int
    first: int
    clashes: int
    clash: tuple[int, int]


def count_repeats(codes: np.ndarray, labels: np.ndarray | None) -> Repeats:
    """Which numbers of pairs, int64 [N], stand in a list more than once; `labels` are int8 [N]."""
    slots = np.zeros(1 << max(4, (len(codes) + len(codes) // 3).bit_length()), np.int32)
    # Where there are no labels none contradicts.
    known = np.zeros(1, np.int8) if labels is None else labels
    count, first, clashes, before, after = _repeats(codes, known, labels is not None, slots)
    return Repeats(int(count), int(first), int(clashes), (int(before), int(after)))


@njit
def _repeats(
    codes: np.ndarray, labels: np.ndarray, labelled: bool, slots: np.ndarray
) -> tuple[int, int, int, int, int]:
    mask = np.uint64(slots.size - 1)
    count, first, clashes, before, after = 0, -1, 0, -1, -1
    for row in range(codes.size):
        slot = _slot(codes[row], mask)
        while slots[slot] and codes[slots[slot] - 1] != codes[row]:
            slot = (slot + np.uint64(1)) & mask
        last = slots[slot] - 1
        slots[slot] = row + 1
        if last < 0:
            continue
        count += 1
        if first < 0:
            first = row
        if labelled and labels[last] != labels[row]:
            clashes += 1
            if before < 0:
                before, after = last, row
    return count, first, clashes, before, after


@njit(inline="always")
def _slot(code: int, mask: np.uint64) -> np.uint64:
    mixed = np.uint64(code) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed ^ (mixed >> np.uint64(32))) & mask


@njit
def _insert(have: np.ndarray, values: np.ndarray, slots: np.ndarray) -> int:
    """Fills `slots` with row + 1; returns a row whose pair stood before with another value, or -1."""
    mask = np.uint64(slots.size - 1)
    for row in range(have.size):
        if have[row] < 0:
            continue
        slot = _slot(have[row], mask)
        while slots[slot] and have[slots[slot] - 1] != have[row]:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot]:
            if values[slots[slot] - 1] != values[row]:
                return row
        else:
            slots[slot] = row + 1
    return -1


@njit
def _find(have: np.ndarray, want: np.ndarray, slots: np.ndarray, rows: np.ndarray) -> None:
    """Two passes over a few pairs at a time, so that the waits for memory overlap."""
    mask = np.uint64(slots.size - 1)
    for first in range(0, want.size, AHEAD):
        last = min(first + AHEAD, want.size)
        for row in range(first, last):
            rows[row] = slots[_slot(want[row], mask)] - 1
        for row in range(first, last):
            slot = _slot(want[row], mask)
            found = rows[row]
            while found >= 0 and have[found] != want[row]:
                slot = (slot + np.uint64(1)) & mask
                found = slots[slot] - 1
            rows[row] = found
