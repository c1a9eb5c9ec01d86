"""Kaldi's text tables."""

import gzip
from pathlib import Path

import pytest

from speakerssl.data.tables import Row, read_rows, read_table, write_table
from speakerssl.errors import InputError


def test_rows_keep_their_line_and_inner_spaces(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("b  two words \n\na\tone\r\n")
    assert list(read_rows(path)) == [Row("b", "two words", 1), Row("a", "one", 3)]


def test_gzip_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress("ä x\n".encode()))
    assert read_table(path) == {"ä": "x"}


def test_written_tables_are_in_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_table(path, [("b", "1"), ("Ä", "2"), ("B", "3"), ("a-b", "4"), ("a", "5")])
    lines = path.read_bytes().splitlines()
    assert lines == sorted(lines)
    assert read_table(path) == {"B": "3", "a": "5", "a-b": "4", "b": "1", "Ä": "2"}


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: cannot be read: No such file"):
        read_table(tmp_path / "none")
