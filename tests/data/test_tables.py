"""Kaldi's text tables."""

import gzip
from pathlib import Path

import pytest

from speakerssl.data.tables import Row, read_rows, read_table, unwritable, write_table
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


def test_only_the_first_field_ends_at_white_space(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("a\tmy file\tof  1.wav\nb\u00a0c \u3000x\nd\v e\x0b\n")
    assert read_table(path) == {"a": "my file\tof  1.wav", "b\u00a0c": "\u3000x", "d": "e"}


@pytest.mark.parametrize("value", ["/a b/c  d.wav", "/tab\there", "/\u2028\x85\x1c", "/\ufeffx", "x\ry"])
def test_whatever_is_written_is_read_back(tmp_path: Path, value: str) -> None:
    assert unwritable("a", value) == ""
    write_table(tmp_path / "t", [("a", value)])
    assert read_table(tmp_path / "t") == {"a": value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("a", "x\ny"),
        ("a", "x "),
        ("a", "x\r"),
        ("a", ""),
        ("a b", "x"),
        ("a\n", "x"),
        ("a", "\udce9"),
        ("\ufeffa", "x"),
    ],
)
def test_what_could_not_be_read_back_is_refused(tmp_path: Path, key: str, value: str) -> None:
    assert unwritable(key, value)
    with pytest.raises(InputError) as caught:
        write_table(tmp_path / "t", [(key, value)])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "t").exists()
