"""The kernels of text tables: columns found, ids numbered and numbers parsed where they lie in the bytes of a block."""

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit

AHEAD = 64


class IdNumbers:
    """Numbers distinct tokens in the order of their appearance, over all blocks of a column."""

    def __init__(self) -> None:
        self.known = 0
        self._slots = np.zeros(1 << 12, np.uint64)
        self._hashes = np.empty(0, np.uint64)
        self._begins = np.zeros(1, np.int64)
        self._text = np.empty(0, np.uint8)

    def add(self, data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The numbers of the tokens at `starts` [N] of `lengths` [N] in `data`, int32 [N]."""
        index = np.empty(starts.size, np.int32)
        self._hashes = _room(self._hashes, self.known + starts.size)
        self._begins = _room(self._begins, self.known + starts.size + 1)
        self._text = _room(self._text, int(self._begins[self.known]) + int(lengths.sum()))
        self._slots, self.known = _number(
            data, starts, lengths, index, self._slots, self._hashes, self._begins, self._text, self.known
        )
        return index

    def names(self, where: str) -> list[str]:
        """The tokens by number. Raises InputError, beginning with `where`, for one that is not UTF-8."""
        joined = _with_newlines(self._text, self._begins, self.known)
        try:
            return joined.tobytes().decode().split("\n")[:-1]
        except UnicodeDecodeError:
            bad = next(name for name in joined.tobytes().split(b"\n") if not _is_utf8(name))
            raise InputError(f"{where} is not UTF-8 text: {bad[:60]!a}") from None


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _room(array: np.ndarray, size: int) -> np.ndarray:
    """`array`, or a longer copy where it has no room for `size` values."""
    if len(array) >= size:
        return array
    grown = np.empty(max(size, len(array) + len(array) // 2), array.dtype)
    grown[: len(array)] = array
    return grown


@njit
def split_lines(data: np.ndarray, delimiter: int, starts: np.ndarray, lengths: np.ndarray) -> tuple[int, int]:
    """Fills positions and lengths [columns, rows] of the fields; returns the rows and where an odd row begins (or -1).

    Fields are separated by white space where `delimiter` is 0; else by that byte, with blanks and one pair of double
    quotes around a field dropped. Blank lines are passed over, and a byte order mark at the beginning of a line.
    """
    position, row, columns, size = 0, 0, starts.shape[0], data.size
    while position < size:
        if position + 2 < size and data[position] == 0xEF and data[position + 1] == 0xBB and data[position + 2] == 0xBF:
            position += 3
        column, first = 0, position
        while position < size and data[position] != 10:
            if data[position] == 32 or (9 <= data[position] <= 13 and data[position] != delimiter):
                position += 1
                continue
            begin, quoted = position, False
            if delimiter == 0:
                while position < size and data[position] != 32 and not 9 <= data[position] <= 13:
                    position += 1
                end = position
            else:
                while position < size and data[position] != 10 and (quoted or data[position] != delimiter):
                    if data[position] == 34:
                        quoted = not quoted
                    position += 1
                end = position
                while end > begin and (data[end - 1] == 32 or 9 <= data[end - 1] <= 13):
                    end -= 1
                if end - begin >= 2 and data[begin] == 34 and data[end - 1] == 34:
                    begin, end = begin + 1, end - 1
            if column < columns:
                starts[column, row] = begin
                lengths[column, row] = end - begin
            column += 1
            if delimiter != 0 and position < size and data[position] == delimiter:
                position += 1
                if position == size or data[position] == 10 or data[position] == 13:  # an empty last field
                    if column < columns:
                        starts[column, row], lengths[column, row] = position, 0
                    column += 1
        position += 1
        if column == 0:
            continue
        if column != columns:
            return row, first
        row += 1
    return row, -1


@njit(inline="always")
def _hash(data: np.ndarray, start: int, length: int) -> np.uint64:
    code = np.uint64(14695981039346656037)
    for i in range(length):
        code = (code ^ np.uint64(data[start + i])) * np.uint64(1099511628211)
    return code ^ (code >> np.uint64(29))


@njit
def _number(
    data: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    index: np.ndarray,
    slots: np.ndarray,
    hashes: np.ndarray,
    begins: np.ndarray,
    text: np.ndarray,
    known: int,
) -> tuple[np.ndarray, int]:
    """Numbers tokens in `index`, appending new ones to `text`; returns the table of slots and how many are known.

    Open addressing: a slot holds the upper half of the hash and the number + 1, so that most probes touch one word.
    Tokens are hashed a block ahead and their slots touched, so that the waits for memory overlap.
    """
    codes = np.empty(AHEAD, np.uint64)
    upper, touched, mask = np.uint64(0xFFFFFFFF00000000), np.uint64(0), np.uint64(slots.size - 1)
    for row in range(starts.size):
        if row % AHEAD == 0:
            for ahead in range(row, min(row + AHEAD, starts.size)):
                codes[ahead - row] = _hash(data, starts[ahead], lengths[ahead])
            for ahead in range(min(AHEAD, starts.size - row)):
                held = slots[codes[ahead] & mask]
                touched |= np.uint64(text[begins[np.int64(held & ~upper) - 1]]) if held else held
        start, length, code = np.int64(starts[row]), np.int64(lengths[row]), codes[row % AHEAD]
        slot, found = code & mask, np.int64(-1)
        while slots[slot]:
            if (slots[slot] ^ code) & upper == 0:
                candidate = np.int64(slots[slot] & ~upper) - 1
                begin = begins[candidate]
                if begins[candidate + 1] - begin == length:
                    differ = np.uint8(0)
                    for i in range(length):
                        differ |= text[begin + i] ^ data[start + i]
                    if differ == 0:
                        found = candidate
                        break
            slot = (slot + np.uint64(1)) & mask
        if found < 0:
            found = np.int64(known)
            slots[slot] = (code & upper) | np.uint64(known + 1)
            hashes[known] = code
            for i in range(length):
                text[begins[known] + i] = data[start + i]
            known += 1
            begins[known] = begins[known - 1] + length
            if known * 2 > slots.size:
                slots = _grown(hashes[:known], slots.size * 4)
                mask = np.uint64(slots.size - 1)
        index[row] = found
    # `touched` only keeps the reads ahead from being optimized away.
    return slots, known if touched or known else 0


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
def _with_newlines(text: np.ndarray, begins: np.ndarray, known: int) -> np.ndarray:
    """The tokens one after the other, a newline after each."""
    packed = np.empty(begins[known] + known, np.uint8)
    position = 0
    for number in range(known):
        for i in range(begins[number], begins[number + 1]):
            packed[position] = text[i]
            position += 1
        packed[position] = 10
        position += 1
    return packed


def parse_numbers(data: bytes, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, int]:
    """Tokens as float64, correctly rounded (NaN and infinities too), and the first row that is no number (or -1)."""
    out, hard = np.empty(starts.size), np.zeros(starts.size, np.bool_)
    if not _parse_decimals(np.frombuffer(data, np.uint8), starts, lengths, out, hard):
        return out, -1
    rows = np.flatnonzero(hard)
    begins = starts[rows].tolist()
    tokens = list(map(data.__getitem__, map(slice, begins, (starts[rows] + lengths[rows]).tolist())))
    try:
        out[rows] = np.fromiter(map(float, tokens), np.float64, len(tokens))
    except ValueError:
        return out, next(row for row, token in zip(rows.tolist(), tokens) if not is_number(token))
    if b"_" in b" ".join(tokens):
        return out, next(row for row, token in zip(rows.tolist(), tokens) if b"_" in token)
    return out, -1


def is_number(token: str | bytes) -> bool:
    """Whether a token is a decimal number, NaN or an infinity."""
    try:
        float(token)
    except ValueError:
        return False
    # float() takes "_" for a separator, and ids may hold it.
    return ("_" if isinstance(token, str) else b"_") not in token  # type: ignore[operator]


@njit
def _parse_decimals(
    data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, out: np.ndarray, hard: np.ndarray
) -> int:
    """Decimal numbers that one exact division rounds correctly; marks and counts the others in `hard`.

    An integer below 2**53 and a power of ten up to 10**22 are exact in float64, so their quotient is the nearest.
    """
    powers = 10.0 ** np.arange(23)
    left = 0
    for row in range(starts.size):
        position, end = np.int64(starts[row]), np.int64(starts[row] + lengths[row])
        negative = position < end and data[position] == 45
        if position < end and (negative or data[position] == 43):
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
