"""Kaldi's text tables: `key value` a line, C-locale sorted, every complaint with file and line.

Only the first field ends at white space, so a value (a path, a command) may hold spaces. White space is ASCII's,
as in Kaldi: other spaces of Unicode belong to names.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from speakerssl.errors import InputError
from speakerssl.io import read_text, write_text

WHITE = " \t\r\f\v"


class Row(NamedTuple):
    """One line of a table; `line` counts from 1."""

    key: str
    value: str
    line: int


def read_rows(path: str | Path) -> Iterator[Row]:
    """The lines of a (plain or gzip) table; empty lines and a byte order mark are passed over.

    Raises InputError for a line without a value, a key that occurred before, and text that is not UTF-8.
    """
    seen: dict[str, int] = {}
    for line, content in enumerate(read_text(path).split("\n"), 1):
        content = content.strip(WHITE)
        if not content:
            continue
        key, value = split_row(content)
        if not value:
            raise InputError(f"{path}:{line}: expected an id and a value, found '{content}'")
        if key in seen:
            raise InputError(f"{path}:{line}: id '{key}' was already given in line {seen[key]}")
        seen[key] = line
        yield Row(key, value, line)


def split_row(content: str) -> tuple[str, str]:
    """The first field of a stripped line and all that follows it; the value is empty where nothing follows."""
    key, _, value = content.partition(" ")
    if "\t" in key or "\v" in key or "\f" in key or "\r" in key:
        ends = [place for char in WHITE if (place := content.find(char)) >= 0]
        key, value = content[: min(ends)], content[min(ends) + 1 :]
    return key, value.lstrip(WHITE)


def unwritable(key: str, value: str) -> str:
    """Why `key value` could not be read back from a table, or '' where it can."""
    for what, text in (("id", key), ("name", value)):
        if any("\udc80" <= char <= "\udcff" for char in text):
            return f"the {what} is not UTF-8 and cannot stand in a list; rename it"
        if "\n" in text or "\0" in text:
            return f"the {what} holds a line break or NUL and cannot stand in a list; rename it"
        if not text:
            return f"the {what} is empty"
    if any(char in key for char in WHITE) or key.startswith("\ufeff"):
        return "the id holds white space or a byte order mark and cannot stand in a list"
    if value != value.strip(WHITE):
        return "the name begins or ends with white space and cannot stand in a list; rename it"
    return ""


def read_table(path: str | Path) -> dict[str, str]:
    """{key: value} of a table, in file order. Raises InputError as `read_rows` does."""
    return {row.key: row.value for row in read_rows(path)}


def read_optional(path: Path) -> dict[str, str] | None:
    """`read_table`, or None where there is no such file."""
    return read_table(path) if path.exists() else None


def read_float(text: str, where: str, what: str) -> float:
    """`text` as a finite number. Raises InputError naming `where`."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0.0:  # NaN or infinite
        raise InputError(f"{where}: {what} '{text}' is not a number")
    return value


def write_table(path: str | Path, rows: Iterable[tuple[str, str]]) -> None:
    """Writes `key value` lines in C-locale order of the keys, whole or not at all.

    Raises InputError for a row that could not be read back, and OutputError.
    """
    rows = sorted(rows)
    for key, value in rows:
        if reason := unwritable(key, value):
            raise InputError(f"{path}: '{key}': {value}: {reason}")
    write_text(path, "".join(f"{key} {value}\n" for key, value in rows))


def resolve_sources(sources: Iterable[str], bases: Iterable[Path]) -> Path:
    """The first of `bases` under which one of the relative paths exists; the first base when none does.

    One base serves a whole wav.scp, so a few look-ups do for a million lines.
    """
    bases = list(bases)
    for source, _ in zip(sources, range(20)):
        for base in bases:
            if "\0" not in source and os.path.exists(base / source):
                return base
    return bases[0]
