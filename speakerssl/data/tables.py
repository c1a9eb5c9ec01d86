"""Kaldi's text tables: `key value` a line, C-locale sorted, every complaint with file and line."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from speakerssl.errors import InputError
from speakerssl.io import read_bytes, write_text


class Row(NamedTuple):
    """One line of a table; `line` counts from 1."""

    key: str
    value: str
    line: int


def read_rows(path: str | Path) -> Iterator[Row]:
    """The lines of a (plain or gzip) table; empty lines are passed over.

    Raises InputError for a line without a value, a key that occurred before, and text that is not UTF-8.
    """
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    seen: dict[str, int] = {}
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        key, *value = content.split(maxsplit=1)
        if not value:
            raise InputError(f"{path}:{line}: expected an id and a value, found '{content.strip()}'")
        if key in seen:
            raise InputError(f"{path}:{line}: id '{key}' was already given in line {seen[key]}")
        seen[key] = line
        yield Row(key, value[0].rstrip(), line)


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
    """Writes `key value` lines in C-locale order of the keys, whole or not at all."""
    write_text(path, "".join(f"{key} {value}\n" for key, value in sorted(rows)))


def resolve_sources(sources: Iterable[str], bases: Iterable[Path]) -> Path:
    """The first of `bases` under which one of the relative paths exists; the first base when none does.

    One base serves a whole wav.scp, so a few look-ups do for a million lines.
    """
    bases = list(bases)
    for source, _ in zip(sources, range(20)):
        for base in bases:
            if os.path.exists(base / source):
                return base
    return bases[0]
