"""Tables of white-space-separated columns (trial lists, score files), read in one pass over their bytes.

A list of half a million trials takes a fraction of a second: tokens are found, compared and turned into numbers
where they lie in the buffer, and only the distinct ids ever become Python strings.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import read_bytes
from speakerssl.kernels import njit

MAX_COLUMNS = 4
BLOCK = 64


class TextTable:
    """The rows of one file: `columns` tokens each, kept as positions in the bytes of the file.

    Blank lines are passed over. Raises InputError for an empty file, more than four columns, or a row whose number of
    columns differs from the first one's (naming the line).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self.raw = read_bytes(path)
        self.bytes = np.frombuffer(self.raw, np.uint8)
        lines = self.raw.count(b"\n") + 1
        starts = np.empty((MAX_COLUMNS, lines), np.int64)
        lengths = np.empty((MAX_COLUMNS, lines), np.int32)
        rows, columns, odd = _tokenize(self.bytes, starts, lengths)
        if odd >= 0:
            raise InputError(f"{path}:{self._line_at(odd)}: expected {columns} columns as in the first line")
        if rows == 0:
            raise InputError(f"{path}: is empty")
        if columns > MAX_COLUMNS:
            raise InputError(f"{path}:1: {columns} columns; trials and scores have two to {MAX_COLUMNS}")
        self.rows, self.columns = int(rows), int(columns)
        self.starts, self.lengths = starts[:, :rows], lengths[:, :rows]
        self._numbers: dict[int, np.ndarray | None] = {}

    def line(self, row: int) -> int:
        """The line of the file, counted from 1, that holds `row`."""
        return self._line_at(int(self.starts[0, row]))

    def _line_at(self, position: int) -> int:
        return self.raw.count(b"\n", 0, position) + 1

    def token(self, row: int, column: int) -> str:
        """One token as text."""
        start = int(self.starts[column, row])
        return self.raw[start : start + int(self.lengths[column, row])].decode(errors="replace")

    def distinct(self, column: int) -> tuple[list[str], np.ndarray]:
        """The distinct tokens of a column in order of appearance, and which of them each row holds (int32 [rows])."""
        index = np.empty(self.rows, np.int32)
        packed = _intern(self.bytes, self.starts[column], self.lengths[column], index)
        try:
            return packed.tobytes().decode().split("\n")[:-1], index
        except UnicodeDecodeError:
            raise InputError(f"{self.path}: column {column + 1} is not UTF-8 text") from None

    def words(self, column: int, values: Mapping[str, int]) -> np.ndarray | None:
        """`values` of the tokens of a column as int8 [rows]; None where any token is not one of them."""
        if self.token(0, column) not in values:
            return None
        tokens, index = self.distinct(column)
        if any(token not in values for token in tokens):
            return None
        return np.array([values[token] for token in tokens], np.int8)[index]

    def numbers(self, column: int) -> np.ndarray | None:
        """A column as float64 [rows], correctly rounded (NaN and infinities too); None where a token is no number."""
        if column not in self._numbers:
            self._numbers[column] = self._parse(column)
        return self._numbers[column]

    def _parse(self, column: int) -> np.ndarray | None:
        out = np.empty(self.rows)
        hard = np.zeros(self.rows, np.bool_)
        if _parse_numbers(self.bytes, self.starts[column], self.lengths[column], out, hard):
            rows = np.flatnonzero(hard)
            begins = self.starts[column, rows].tolist()
            ends = (self.starts[column, rows] + self.lengths[column, rows]).tolist()
            tokens = list(map(self.raw.__getitem__, map(slice, begins, ends)))
            try:
                out[rows] = np.fromiter(map(float, tokens), np.float64, len(tokens))
            except ValueError:
                return None
            if any(b"_" in token for token in tokens):  # which float() takes for a separator, and ids may hold
                return None
        return out


@njit
def _tokenize(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[int, int, int]:
    """Fills positions and lengths [columns, rows]; returns rows, columns and where an odd row begins (or -1)."""
    position, row, columns, size = 0, 0, 0, data.size
    while position < size:
        column, first = 0, position
        while position < size and data[position] != 10:
            if data[position] <= 32:
                position += 1
                continue
            begin = position
            while position < size and data[position] > 32:
                position += 1
            if column < starts.shape[0]:
                starts[column, row] = begin
                lengths[column, row] = position - begin
            column += 1
        position += 1
        if column == 0:
            continue
        if row == 0:
            columns = column
        elif column != columns:
            return row, columns, first
        row += 1
    return row, columns, -1


@njit(inline="always")
def _same(data: np.ndarray, one: int, other: int, length: int) -> bool:
    differ = np.uint8(0)
    for i in range(length):
        differ |= data[one + i] ^ data[other + i]
    return differ == 0


@njit
def _intern(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Numbers the distinct tokens in `index`; returns them joined, each followed by a newline (uint8).

    Open addressing: a slot holds the upper half of the hash and the number + 1, so that most probes touch one word.
    Tokens are hashed a block ahead and their slots touched, so that the waits for memory overlap.
    """
    rows, size = starts.size, 1 << 12
    slots = np.zeros(size, np.uint64)
    codes = np.empty(BLOCK, np.uint64)
    hashes = np.empty(rows, np.uint64)
    begins = np.empty(rows, np.int64)
    sizes = np.empty(rows, np.int32)
    known, upper, touched = 0, np.uint64(0xFFFFFFFF00000000), np.uint64(0)
    for row in range(rows):
        if row % BLOCK == 0:
            for ahead in range(row, min(row + BLOCK, rows)):
                codes[ahead - row] = _hash(data, starts[ahead], lengths[ahead])
            for ahead in range(min(BLOCK, rows - row)):
                held = slots[codes[ahead] & np.uint64(size - 1)]
                touched |= np.uint64(data[begins[np.int64(held & ~upper) - 1]]) if held else held
        start, length, code = starts[row], lengths[row], codes[row % BLOCK]
        slot, found = code & np.uint64(size - 1), np.int64(-1)
        while slots[slot]:
            if (slots[slot] ^ code) & upper == 0:
                candidate = np.int64(slots[slot] & ~upper) - 1
                if sizes[candidate] == length and _same(data, begins[candidate], start, length):
                    found = candidate
                    break
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        if found < 0:
            found = np.int64(known)
            slots[slot] = (code & upper) | np.uint64(known + 1)
            hashes[known], begins[known], sizes[known] = code, start, length
            known += 1
            if known * 2 > size:
                size *= 4
                slots = _grown(hashes[:known], size)
        index[row] = found
    return _packed(data, begins[:known], sizes[:known]) if touched or known else np.empty(0, np.uint8)


@njit(inline="always")
def _hash(data: np.ndarray, start: int, length: int) -> np.uint64:
    code = np.uint64(14695981039346656037)
    for i in range(length):
        code = (code ^ np.uint64(data[start + i])) * np.uint64(1099511628211)
    return code ^ (code >> np.uint64(29))


@njit
def _grown(hashes: np.ndarray, size: int) -> np.ndarray:
    slots, mask = np.zeros(size, np.uint64), np.uint64(size - 1)
    for number in range(hashes.size):
        slot = hashes[number] & mask
        while slots[slot]:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (hashes[number] & np.uint64(0xFFFFFFFF00000000)) | np.uint64(number + 1)
    return slots


@njit
def _packed(data: np.ndarray, begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The tokens one after the other, a newline after each."""
    packed = np.empty(sizes.sum() + sizes.size, np.uint8)
    position = 0
    for number in range(begins.size):
        for i in range(sizes[number]):
            packed[position + i] = data[begins[number] + i]
        position += sizes[number] + 1
        packed[position - 1] = 10
    return packed


@njit
def _parse_numbers(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, out: np.ndarray, hard: np.ndarray) -> int:
    """Decimal numbers that one exact division rounds correctly; marks and counts the others in `hard`.

    An integer below 2**53 and a power of ten up to 10**22 are exact in float64, so their quotient is the nearest.
    """
    powers = 10.0 ** np.arange(23)
    left = 0
    for row in range(starts.size):
        position, end = starts[row], starts[row] + lengths[row]
        negative = data[position] == 45
        if negative or data[position] == 43:
            position += 1
        mantissa, digits, decimals, point = 0, 0, 0, False
        while position < end:
            byte = data[position]
            if 48 <= byte <= 57:
                mantissa = mantissa * 10 + (byte - 48)
                digits += 1
                if point:
                    decimals += 1
            elif byte == 46 and not point:
                point = True
            else:
                break
            position += 1
        if position < end or digits == 0 or digits > 18 or mantissa >= 9007199254740992 or decimals > 22:
            hard[row] = True
            left += 1
            continue
        value = mantissa / powers[decimals]
        out[row] = -value if negative else value
    return left
