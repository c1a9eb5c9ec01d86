"""Ids numbered where they lie in the bytes of a block: only the distinct ones ever become Python strings."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from speakerssl.errors import InputError
from speakerssl.kernels import intrinsic, njit

AHEAD = 64


class IdNumbers:
    """Numbers distinct tokens in the order of their appearance, over all blocks of a column."""

    def __init__(self) -> None:
        self.known = 0
        self._slots = np.zeros(1 << 12, np.uint64)
        self._hashes = np.empty(0, np.uint64)
        self._begins = np.zeros(2, np.uint64)  # token n begins at [n + 1], so that a slot's n + 1 needs no change
        self._text = np.empty(0, np.uint8)

    def add(self, data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The numbers of the tokens at `starts` [N] of `lengths` [N] in `data`, int32 [N]."""
        index = np.empty(starts.size, np.int32)
        self._hashes = _room(self._hashes, self.known + starts.size)
        self._begins = _room(self._begins, self.known + starts.size + 2)
        self._text = _room(self._text, int(self._begins[self.known + 1]) + int(lengths.sum()) + 1)
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


def _plain_word(data: np.ndarray, position: np.uint64) -> np.uint64:
    """`_word` where nothing is compiled."""
    return np.uint64(data[int(position) : int(position) + 8].view(np.uint64)[0])


@intrinsic(_plain_word)
def _word(_typing: object, array: types.Array, position: types.Integer) -> object:
    """Eight bytes of a uint8 array from `position` on as one uint64, wherever they lie."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(array, types.uint64), generate


@njit(inline="always")
def _hash(data: np.ndarray, start: np.uint64, length: np.uint64) -> np.uint64:
    """Eight bytes at a time, the last eight overlapping those before; single bytes of shorter tokens."""
    code = length * np.uint64(0x9E3779B97F4A7C15)
    if length < np.uint64(8):
        for i in range(length):
            code = (code ^ np.uint64(data[start + np.uint64(i)])) * np.uint64(0x9E3779B97F4A7C15)
        return code ^ (code >> np.uint64(32))
    position, last = start, start + length - np.uint64(8)
    while position < last:
        code = (code ^ _word(data, position)) * np.uint64(0x9E3779B97F4A7C15)
        code ^= code >> np.uint64(32)
        position += np.uint64(8)
    code = (code ^ _word(data, last)) * np.uint64(0x9E3779B97F4A7C15)
    return code ^ (code >> np.uint64(32))


@njit(inline="always")
def _same(data: np.ndarray, start: np.uint64, text: np.ndarray, begin: np.uint64, length: np.uint64) -> bool:
    """Whether two tokens of one length are equal."""
    if length < np.uint64(8):
        differ = np.uint64(0)
        for i in range(length):
            differ |= np.uint64(data[start + np.uint64(i)] ^ text[begin + np.uint64(i)])
        return differ == np.uint64(0)
    position, last = np.uint64(0), length - np.uint64(8)
    differ = _word(data, start + last) ^ _word(text, begin + last)
    while position < last:
        differ |= _word(data, start + position) ^ _word(text, begin + position)
        position += np.uint64(8)
    return differ == np.uint64(0)


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
    Tokens are hashed a block ahead and their slots touched, so that the waits for memory overlap. Positions have no
    sign: numba would ask of each whether it counts from the end.
    """
    codes = np.empty(AHEAD, np.uint64)
    upper, touched, mask = np.uint64(0xFFFFFFFF00000000), np.uint64(0), np.uint64(slots.size - 1)
    for row in range(starts.size):
        if row % AHEAD == 0:
            for ahead in range(row, min(row + AHEAD, starts.size)):
                codes[ahead - row] = _hash(data, np.uint64(starts[ahead]), np.uint64(lengths[ahead]))
            for ahead in range(min(AHEAD, starts.size - row)):
                touched |= np.uint64(text[begins[slots[codes[ahead] & mask] & ~upper]])
        start, length, code = np.uint64(starts[row]), np.uint64(lengths[row]), codes[row % AHEAD]
        slot, found = code & mask, np.uint64(0)
        while slots[slot]:
            held = slots[slot]
            if (held ^ code) & upper == 0:
                candidate = held & ~upper
                begin = begins[candidate]
                if begins[candidate + np.uint64(1)] - begin == length and _same(data, start, text, begin, length):
                    found = candidate
                    break
            slot = (slot + np.uint64(1)) & mask
        if found == 0:
            hashes[known] = code
            known += 1
            begin, found = begins[known], np.uint64(known)
            for i in range(length):
                text[begin + np.uint64(i)] = data[start + np.uint64(i)]
            begins[known + 1] = begin + length
            slots[slot] = (code & upper) | found
            if known * 2 > slots.size:
                slots = _grown(hashes[:known], slots.size * 4)
                mask = np.uint64(slots.size - 1)
        index[row] = np.int64(found) - 1
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
    packed = np.empty(np.int64(begins[known + 1]) + known, np.uint8)
    position = 0
    for number in range(known):
        for i in range(begins[number + 1], begins[number + 2]):
            packed[position] = text[i]
            position += 1
        packed[position] = 10
        position += 1
    return packed
