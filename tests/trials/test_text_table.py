"""One file as a table: what its columns are, all of it read at once, every odd line by its number."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.trials.headers import LABELS
from speakerssl.trials.text_table import TextTable


def table_of(folder: Path, text: str, name: str = "t") -> TextTable:
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return TextTable(folder / name)


@pytest.mark.parametrize(
    "text", ["a b 1\nc d 2\n", "\n\na\tb\t1\n\nc\td\t2", "a,b,1\r\nc, d ,2\r\n", '"a";"b";"1"\nc;d;2\n']
)
@pytest.mark.parametrize("name", ["t", "t.gz"])
def test_the_same_columns_whatever_separates_them(tmp_path: Path, text: str, name: str) -> None:
    table = table_of(tmp_path, text, name)
    assert table.columns == 3
    (ids,), (numbers,), _ = table.read([1], [2])
    assert ids[0] == ["b", "d"]
    assert ids[1].tolist() == [0, 1]
    assert numbers.tolist() == [1.0, 2.0]


def test_what_a_column_looks_like(tmp_path: Path) -> None:
    table = table_of(tmp_path, "a 0.5 target\nb 1e-3 NonTarget\nc nan target\n")
    assert [table.looks_like_numbers(column) for column in range(3)] == [False, True, False]
    assert [table.looks_like_words(column, LABELS) for column in range(3)] == [False, False, True]
    assert table.first_odd_row(1) == table.first_odd_row(2, LABELS) == -1
    assert table.first_odd_row(0) == 0
    assert table.read(words={2: LABELS})[2][0].tolist() == [1, 0, 1]


def test_a_header_names_the_columns_and_is_no_row(tmp_path: Path) -> None:
    table = table_of(tmp_path, "enrol,test,label\na,b,1\n")
    assert table.header == ["enrol", "test", "label"]
    assert table.read([0])[0][0][0] == ["a"]
    assert table.line(0) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t: is empty"),
        ("\n \n", "t: is empty"),
        ("a b\nc d e\n", "t:2: "),
        ("a b\n\n\nc\n", "t:4: "),
        ('\n{"enrol": "a", "test": "b"}\n', "t:2: is JSON; lists have columns"),
        ('[{"enrol": "a", "test": "b"}]\n', "t:1: is JSON"),
        ('["a", "b"]\n', "t:1: is JSON"),
        ("a,\r b\nc,d\n", "t:1: expected 2 columns"),  # a traceback, as tools/fuzz_coverage.py found
    ],
)
def test_what_is_no_table_is_named_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        table_of(tmp_path, text).read([0])


def test_a_field_that_is_no_number_is_named_in_any_block(tmp_path: Path) -> None:
    lines = [f"u{i:06d} {i}.5\n" for i in range(200_000)]
    lines[150_000] = "u150000 oops\n"
    table = table_of(tmp_path, "".join(lines))
    with pytest.raises(InputError, match="t:150001: 'oops' is no number"):
        table.read([0], [1])


def test_a_long_table_is_read_as_a_plain_reader_would(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [(f"id{i}", f"{v:.6f}") for i, v in zip(rng.integers(0, 999, 120_000), rng.standard_normal(120_000))]
    (ids,), (numbers,), _ = table_of(tmp_path, "".join(f"{a} {b}\n" for a, b in rows)).read([0], [1])
    assert [ids[0][i] for i in ids[1].tolist()] == [a for a, _ in rows]
    np.testing.assert_array_equal(numbers, [float(b) for _, b in rows])
