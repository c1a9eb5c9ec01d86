"""Tables of columns (trial lists, score files, utt2spk), read a block at a time in one pass over their bytes.

A list of half a million trials takes a fraction of a second and twenty million little memory: tokens are found,
compared and turned into numbers where they lie, and only the distinct ids ever become Python strings. Columns stand
between white space, tabs, commas or semicolons; which of them, and whether a header names them, shows in the first
lines.
"""

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import run_all
from speakerssl.trials.growing import GrowingArray
from speakerssl.trials.headers import header_roles
from speakerssl.trials.id_numbers import IdNumbers
from speakerssl.trials.text_blocks import text_blocks
from speakerssl.trials.tokens import is_number, parse_numbers, split_lines

MAX_COLUMNS = 32
SEPARATORS = {0: "", 9: "tab-separated", 44: "comma-separated", 59: "semicolon-separated"}
SAMPLE = 50
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Block:
    """Some whole lines of a table: their text and the position and length of each field, int32 [columns, rows]."""

    text: bytes
    starts: np.ndarray
    lengths: np.ndarray

    def token(self, row: int, column: int) -> str:
        """One field as text."""
        start = int(self.starts[column, row])
        return self.text[start : start + int(self.lengths[column, row])].decode(errors="replace")


class TextTable:
    """One file as a table: `columns` fields a row. Its first block is read at once and says what the columns are.

    `header` holds the names of the columns where the first line does. Blank lines are passed over. Raises InputError
    for a file that cannot be read or holds no row, too many columns, or a row whose number of columns differs from the
    first one's (naming the line).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._blocks = text_blocks(path)
        self._sizes: list[int] = []  # lines of each block
        whole = next(self._blocks, b"")
        text = whole.lstrip(b" \t\r\n\v\f")
        self._first_line = 1 + whole.count(b"\n", 0, len(whole) - len(text))
        sample = [line for line in text[:65536].decode(errors="replace").split("\n")[:SAMPLE] if line.strip()]
        if not sample:
            raise InputError(f"{path}: {'is empty' if len(whole) < 1 << 20 else 'begins with a megabyte of blanks'}")
        if sample[0].startswith(('{"', "[{", '["')):
            raise InputError(f"{path}:{self._first_line}: is JSON; lists have columns, such as '1 enrol test'")
        self.separator = _separator(sample)
        rows = [_fields(line, self.separator) for line in sample]
        self.has_commas = any(DECIMAL_COMMA.fullmatch(field) for row in rows for field in row)
        names = rows[0]
        self.columns = len(names)
        if self.columns > MAX_COLUMNS:
            raise InputError(f"{path}:{self._first_line}: {self.columns} columns; trials and scores have a few")
        self.header = names if header_roles(names) is not None else None
        self.first = self._split(text, self.header is not None)
        if self.first.starts.shape[1] == 0:
            raise InputError(f"{path}: holds a header and nothing else")

    def _split(self, text: bytes, skip_first: bool = False) -> Block:
        lines = text.count(b"\n") + 1
        starts = np.empty((self.columns, lines), np.int32)
        lengths = np.empty((self.columns, lines), np.int32)
        rows, odd = split_lines(np.frombuffer(text, np.uint8), self.separator, starts, lengths)
        if odd >= 0:
            line = self._first_line + sum(self._sizes) + text.count(b"\n", 0, odd)
            cure = ""
            if self.separator == ord(",") and re.search(rb"\d,\d", text[odd:].partition(b"\n")[0]):
                cure = "; where commas separate columns, numbers are written with a point"
            raise InputError(f"{self.path}:{line}: expected {self.columns} columns as in the first line{cure}")
        self._sizes.append(lines - 1)
        return Block(text, starts[:, int(skip_first) : rows], lengths[:, int(skip_first) : rows])

    @property
    def form(self) -> str:
        """How the columns are separated and named, where that is not the plain white space; else empty."""
        named = "with a header" if self.header else ""
        commas = "with decimal commas" if self.has_commas else ""
        return " ".join(word for word in (SEPARATORS[self.separator], named, commas) if word)

    def token(self, row: int, column: int) -> str:
        """One field as text; a row beyond the first block is looked for from the beginning of the file."""
        block, place, _ = self._find(row)
        return block.token(place, column)

    def line(self, row: int) -> int:
        """The line of the file, counted from 1, that holds `row`."""
        block, place, before = self._find(row)
        return before + block.text.count(b"\n", 0, int(block.starts[0, place]))

    def _find(self, row: int) -> tuple[Block, int, int]:
        """The block of a row, its place there, and the line at which the block begins."""
        if row < self.first.starts.shape[1]:
            return self.first, row, self._first_line
        table = TextTable(self.path)
        block, line, rest = table.first, table._first_line, table._blocks
        while row >= block.starts.shape[1]:
            row -= block.starts.shape[1]
            line += block.text.count(b"\n")
            block = table._split(next(rest))
        return block, row, line

    def looks_like_numbers(self, column: int) -> bool:
        """Whether the column holds numbers throughout the first block."""
        return self._is_number(self.token(0, column)) and self._numbers(self.first, column)[1] < 0

    def looks_like_digits(self, column: int, signed: bool = False) -> bool:
        """Whether the first rows of the column hold nothing but digits, with a sign before them where `signed`."""
        rows = range(min(SAMPLE, self.first.starts.shape[1]))
        tokens = [self.token(row, column) for row in rows]
        return all((token.lstrip("+-") if signed else token).isdigit() for token in tokens)

    def _is_number(self, token: str) -> bool:
        if self.has_commas:
            return "." not in token and is_number(token.replace(",", "."))
        return is_number(token)

    def _numbers(self, block: Block, column: int) -> tuple[np.ndarray, int]:
        return parse_numbers(block.text, block.starts[column], block.lengths[column], self.has_commas)

    def looks_like_words(self, column: int, words: Mapping[str, int]) -> bool:
        """Whether the column holds nothing but `words`, in any case, throughout the first block."""
        if self.token(0, column).lower() not in words:
            return False
        ids = IdNumbers()
        ids.add(np.frombuffer(self.first.text, np.uint8), self.first.starts[column], self.first.lengths[column])
        return ids.known < 64 and all(name.lower() in words for name in ids.names(self.path))

    def first_odd_row(self, column: int, words: Mapping[str, int] | None = None) -> int:
        """The first row of the first block whose field is no number, or none of `words`; -1 where there is none."""
        for row in range(self.first.starts.shape[1]):
            token = self.token(row, column)
            if (not self._is_number(token)) if words is None else token.lower() not in words:
                return row
        return -1

    def read(
        self, ids: Sequence[int] = (), numbers: Sequence[int] = (), words: Mapping[int, Mapping[str, int]] | None = None
    ) -> tuple[list[tuple[list[str], np.ndarray]], list[np.ndarray], list[np.ndarray]]:
        """Reads the whole file, once.

        Args:
            ids: columns of ids: the distinct ones in order of appearance, and which each row holds (int32 [rows]).
            numbers: columns of numbers, float64 [rows].
            words: columns of a few words, in any case, and the number that each stands for: int8 [rows].

        Raises InputError naming the line of a field that is not what its column holds, or no UTF-8.
        """
        words = words or {}
        numberers = {column: IdNumbers() for column in [*ids, *words]}
        whole = {column: GrowingArray(self._expected_rows()) for column in [*ids, *numbers, *words]}
        row = 0
        for block in self._all_blocks():
            tasks = [partial(self._column, block, column, numberers) for column in whole]
            for (column, kept), (values, odd) in zip(whole.items(), run_all(tasks)):
                if odd >= 0:
                    what = "is empty" if column in numberers else "is no number"
                    raise InputError(f"{self.path}:{self.line(row + odd)}: '{block.token(odd, column)}' {what}")
                # A few words take a byte a row.
                kept.add(values.astype(np.uint8) if column in words and numberers[column].known < 256 else values)
            row += block.starts.shape[1]
        return (
            [(numberers[column].names(f"{self.path}: column {column + 1}"), whole[column].array) for column in ids],
            [whole[column].array for column in numbers],
            [self._meaning(column, numberers[column], whole[column].array, of) for column, of in words.items()],
        )

    def _expected_rows(self) -> int:
        """How many rows the file has if all are as long as those of its first block; of a pipe 0."""
        try:
            size = os.stat(self.path).st_size
        except OSError:
            size = 0
        return int(1.05 * size * self.first.starts.shape[1] / len(self.first.text)) + 1

    def _all_blocks(self) -> Iterator[Block]:
        yield self.first
        for text in self._blocks:
            yield self._split(text)

    def _column(self, block: Block, column: int, numberers: Mapping[int, IdNumbers]) -> tuple[np.ndarray, int]:
        """The values of one column of a block, and its first row that cannot be one (or -1)."""
        starts, lengths = block.starts[column], block.lengths[column]
        if column not in numberers:
            return self._numbers(block, column)
        empty = int(np.argmin(lengths)) if self.separator and len(lengths) else -1
        odd = empty if empty >= 0 and lengths[empty] == 0 else -1
        return numberers[column].add(np.frombuffer(block.text, np.uint8), starts, lengths), odd

    def _meaning(self, column: int, ids: IdNumbers, index: np.ndarray, words: Mapping[str, int]) -> np.ndarray:
        names = ids.names(f"{self.path}: column {column + 1}")
        values = np.array([words.get(name.lower(), -1) for name in names], np.int8)
        if (values < 0).any():
            odd = int(np.argmax(values < 0))
            row = int(np.argmax(index == odd))
            raise InputError(f"{self.path}:{self.line(row)}: '{names[odd]}' is no label (1, 0, target, nontarget, ...)")
        return values[index]


def _fields(line: str, separator: int) -> list[str]:
    """The fields of one line."""
    if not separator:
        return line.split()
    plain = line.strip("\r\n").replace("\r", " ")  # which csv refuses within a line
    return [field.strip() for field in next(csv.reader([plain], delimiter=chr(separator)))]


def _separator(lines: Sequence[str]) -> int:
    """The byte between columns (0: white space), from the first lines.

    White space, tabs or semicolons do where all commas between them are decimal ones (`0,53`). Else commas and
    semicolons separate where no field between them holds a blank, or where their number is the same in all lines and
    the first or last field is a number; tabs where a field between them holds a blank.
    """
    for mark in ";\t":
        if _has_decimal_commas([[field.strip() for field in line.split(mark)] for line in lines]):
            return ord(mark)
    if _has_decimal_commas([line.split() for line in lines]):
        return 0
    for mark in ",;":
        fields = [[field.strip() for field in line.split(mark)] for line in lines]
        if min(map(len, fields)) < 2:
            continue
        quoted = lines[0].count('"') >= 2
        if quoted or not any(" " in field or "\t" in field for row in fields for field in row):
            return ord(mark)
        if len({len(row) for row in fields}) == 1 and any(all(is_number(row[k]) for row in fields) for k in (0, -1)):
            return ord(mark)
    fields = [line.strip("\r\n").split("\t") for line in lines]
    widths = {len(row) for row in fields}
    blanks = any(" " in field.strip() for row in fields for field in row)
    return 9 if len(widths) == 1 and min(widths) >= 3 and blanks else 0


def _has_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    """Whether these are columns in which every comma stands in a number, before its decimals."""
    if min(map(len, rows)) < 2 or len({len(row) for row in rows}) > 1:
        return False
    with_comma = [field for row in rows for field in row if "," in field]
    return bool(with_comma) and all(DECIMAL_COMMA.fullmatch(field) for field in with_comma)
