"""The kernels of text tables: columns found and numbers parsed where they lie in the bytes of a block."""

import numpy as np

from speakerssl.kernels import njit


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


def parse_numbers(
    data: bytes, starts: np.ndarray, lengths: np.ndarray, has_commas: bool = False
) -> tuple[np.ndarray, int]:
    """Tokens as float64, correctly rounded (NaN and infinities too), and the first row that is no number (or -1).

    With `has_commas` a comma stands before the decimals and a point makes a row odd: it may separate thousands.
    """
    if has_commas:
        values, odd = parse_numbers(data.replace(b",", b"."), starts, lengths)
        point = int(_first_with(np.frombuffer(data, np.uint8), starts, lengths, ord(".")))
        return values, point if odd < 0 or 0 <= point < odd else odd
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


@njit
def _first_with(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, byte: int) -> int:
    """The first row whose token holds `byte`; -1 where none does."""
    for row in range(starts.size):
        for position in range(starts[row], starts[row] + lengths[row]):
            if data[position] == byte:
                return row
    return -1


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
