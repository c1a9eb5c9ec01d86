"""What is known about recordings or speakers: `utt2<attribute>` files, and tables with a header such as VoxCeleb's."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.trials.speakers import read_utt2spk
from speakerssl.trials.text_blocks import text_blocks


@dataclass(frozen=True)
class Attribute:
    """`values` by recording or speaker id; `name` is what tables call it."""

    name: str
    values: dict[str, str]
    path: str = ""

    @property
    def enrolment_only(self) -> bool:
        """Whether it belongs to enrolment models alone: the number of their recordings."""
        return self.name.endswith("num_utts")

    def lookup(self, ids: list[str], utt2spk: dict[str, str] | None = None) -> list[str | None]:
        """The value of each id, of its speaker where the id itself has none (utt2spk, or the id's first path part)."""
        found: list[str | None] = []
        for name in ids:
            value = self.values.get(name)
            if value is None:
                value = self.values.get((utt2spk or {}).get(name) or name.partition("/")[0])
            found.append(value)
        return found


def read_attribute(path: str | Path, column: str | None = None) -> Attribute:
    """Reads `utt2<attribute>`, `spk2<attribute>` or `num_utts` (two columns), or one column of a table with a header.

    A table (comma- or tab-separated, as vox1_meta.csv) needs `column`, any case; its first column holds the ids.
    Raises InputError naming the odd line, or the columns that there are.
    """
    first = next(text_blocks(path), b"").partition(b"\n")[0]
    if column is None and b"," not in first and len(first.split()) == 2:
        return Attribute(re.sub(r"^(utt|spk)2", "", Path(path).name), read_utt2spk(path), str(path))
    return _table_column(Path(path), column)


def read_attribute_option(option: str) -> Attribute:
    """`FILE` or `FILE:COLUMN`, as the command line takes it."""
    path, colon, column = option.rpartition(":")
    if colon and not Path(option).exists():
        return read_attribute(path, column)
    return read_attribute(option)


def _table_column(path: Path, column: str | None) -> Attribute:
    text = b"".join(text_blocks(path)).decode(errors="replace")
    rows = list(csv.reader(text.splitlines(), delimiter="\t" if "\t" in text.partition("\n")[0] else ","))
    header = [field.strip() for field in rows[0]] if rows else []
    lower = [field.lower() for field in header]
    if column is None or column.lower() not in lower[1:]:
        wanted = "name a column" if column is None else f"has no column '{column}'"
        raise InputError(f"{path}: {wanted} as FILE:COLUMN; the columns are {', '.join(header[1:])}")
    place = lower.index(column.lower(), 1)
    values: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) <= place:
            raise InputError(f"{path}:{number}: {len(row)} columns, the header has {len(header)}")
        values[row[0].strip()] = row[place].strip()
    return Attribute(header[place].lower(), values, str(path))


def as_numbers(values: list[str | None]) -> np.ndarray | None:
    """The values as float64 (NaN where unknown); None where one is no number."""
    try:
        return np.array([np.nan if value is None else float(value) for value in values])
    except ValueError:
        return None
