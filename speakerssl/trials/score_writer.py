"""Score files written: half a million lines in a fraction of a second, in the fewest digits that read back."""

import gzip
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from speakerssl.io import atomic_path
from speakerssl.kernels import njit, run_blocks
from speakerssl.trials.trial_list import Trials

DECIMALS = 9
LINES = 1 << 20  # whose text is in memory at once
_WORDS = (b" nontarget", b" target")


def write_scores(path: str | Path, trials: Trials, values: np.ndarray, with_labels: bool = False) -> None:
    """Writes `enrol test score [target|nontarget]` lines (gzip where `path` ends in .gz), whole or not at all.

    Every float64 reads back exactly: up to nine decimals where those are enough, Python's shortest form otherwise.
    """
    values = np.asarray(values, np.float64)
    if with_labels:
        trials.require_labels()
    blocks = score_lines(trials, values, with_labels)
    with atomic_path(path) as temporary:
        packed = str(path).endswith(".gz")
        with gzip.open(temporary, "wb", compresslevel=4) if packed else open(temporary, "wb") as stream:
            for block in blocks:
                stream.write(block.data)


def score_lines(trials: Trials, values: np.ndarray, with_labels: bool = False) -> Iterator[np.ndarray]:
    """The text of a score file as uint8, in blocks of lines: twenty million lines are a gigabyte."""
    enrol_text, enrol_ends = _packed([name.encode() for name in trials.enrol_ids])
    test_text, test_ends = _packed([name.encode() for name in trials.test_ids])
    word_text, word_ends = _packed(list(_WORDS) if with_labels else [b""])
    fixed = all(_are_fixed(values[start : start + LINES]) for start in range(0, len(values), LINES))
    for start in range(0, len(values), LINES):
        rows = slice(start, start + LINES)
        enrol, test = trials.enrol_index[rows], trials.test_index[rows]
        number_text, number_ends = _fixed_text(values[rows]) if fixed else _shortest_text(values[rows])
        word = trials.labels[rows] if with_labels and trials.labels is not None else np.zeros(len(enrol), np.int8)
        sizes = np.diff(enrol_ends)[enrol] + np.diff(test_ends)[test]
        sizes += np.diff(number_ends) + np.diff(word_ends)[word] + 3
        ends = np.concatenate([[0], np.cumsum(sizes)])
        out = np.empty(int(ends[-1]), np.uint8)
        columns = (enrol, enrol_text, enrol_ends, test, test_text, test_ends, number_text, number_ends)
        words = (word, word_text, word_ends)
        run_blocks(partial(_fill_lines, out, ends, *columns, *words), len(enrol))
        yield out


def round_scores(values: np.ndarray) -> np.ndarray:
    """Scores at the nine decimals that are written, so that a metric is the same before and after the file."""
    scale = 10.0**DECIMALS
    return np.rint(np.asarray(values, np.float64) * scale) / scale


def _are_fixed(values: np.ndarray) -> bool:
    """Whether all numbers read back from nine decimals."""
    return bool((np.abs(values) < 1e6).all()) and np.array_equal(round_scores(values), values)


def _fixed_text(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The texts of numbers at nine decimals, joined (uint8), and where each begins (int64 [N + 1])."""
    text = np.empty(len(values) * 18, np.uint8)
    ends = np.zeros(len(values) + 1, np.int64)
    used = _fixed_point(np.rint(values * 10.0**DECIMALS).astype(np.int64), text, ends)
    return text[:used], ends


def _shortest_text(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`_fixed_text` in Python's shortest form."""
    return _packed([number.encode() for number in map(repr, values.tolist())])


def _packed(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return np.frombuffer(b"".join(texts), np.uint8), np.concatenate([[0], np.cumsum(lengths)])


@njit
def _fixed_point(units: np.ndarray, text: np.ndarray, ends: np.ndarray) -> int:
    """Writes integers of 1e-9 as decimals without trailing zeros (but one after the point); returns the bytes used."""
    digits = np.empty(20, np.uint8)
    position = 0
    for row in range(units.size):
        unit = units[row]
        if unit < 0:
            text[position] = 45
            position += 1
            unit = -unit
        count = 0
        while unit > 0 or count < DECIMALS + 1:
            digits[count] = 48 + unit % 10
            unit //= 10
            count += 1
        last = 0
        while last < DECIMALS - 1 and digits[last] == 48:
            last += 1
        for i in range(count - 1, last - 1, -1):
            text[position] = digits[i]
            position += 1
            if i == DECIMALS:
                text[position] = 46
                position += 1
        ends[row + 1] = position
    return position


@njit
def _fill_lines(
    out: np.ndarray, ends: np.ndarray,
    enrol: np.ndarray, enrol_text: np.ndarray, enrol_ends: np.ndarray,
    test: np.ndarray, test_text: np.ndarray, test_ends: np.ndarray,
    number_text: np.ndarray, number_ends: np.ndarray,
    word: np.ndarray, word_text: np.ndarray, word_ends: np.ndarray, begin: int, end: int,
) -> None:  # fmt: skip
    for row in range(begin, end):
        position = ends[row]
        for i in range(enrol_ends[enrol[row]], enrol_ends[enrol[row] + 1]):
            out[position] = enrol_text[i]
            position += 1
        out[position] = 32
        position += 1
        for i in range(test_ends[test[row]], test_ends[test[row] + 1]):
            out[position] = test_text[i]
            position += 1
        out[position] = 32
        position += 1
        for i in range(number_ends[row], number_ends[row + 1]):
            out[position] = number_text[i]
            position += 1
        for i in range(word_ends[word[row]], word_ends[word[row] + 1]):
            out[position] = word_text[i]
            position += 1
        out[position] = 10
