"""Files that build on each other, rows, and the messages of those that cannot be read."""

from pathlib import Path

import pytest

from speakerssl.config_file import list_rows, merge, read_tree
from speakerssl.errors import InputError

BASE = """
loss: {temperature: 0.1, margin: {name: additive, value: 0.1}}
training: {steps: 5}
rows:
  Margins:
    small: {loss.margin: {name: additive, value: 0.05}}
    none: {loss.margin: none, training.steps: 9}
  Methods:
    moco: {method: {name: moco}}
    same: {}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "top.yaml").write_text("base: ../base.yaml\nloss: {margin: {value: 0.2}}\ndata: {train: [x]}\n")
    return tmp_path


def test_a_file_lies_on_top_of_its_base_key_by_key(files: Path) -> None:
    tree = read_tree(files / "sub" / "top.yaml")
    assert tree["loss"] == {"temperature": 0.1, "margin": {"name": "additive", "value": 0.2}}
    assert tree["training"] == {"steps": 5}
    assert "base" not in tree
    assert "rows" not in tree


def test_replace_takes_nothing_of_the_base() -> None:
    assert merge({"a": {"x": 1, "y": 2}}, {"a": {"replace": True, "x": 3}}) == {"a": {"x": 3}}
    assert merge({"a": {"x": 1}}, {"a": [1]}) == {"a": [1]}
    assert merge({"a": 1}, {"a": {"x": 1}}) == {"a": {"x": 1}}


def test_a_row_replaces_what_its_keys_name_and_overrides_win(files: Path) -> None:
    tree = read_tree(files / "base.yaml", ["training.steps=7"], row="none")
    assert tree["loss"] == {"temperature": 0.1, "margin": "none"}
    assert tree["training"]["steps"] == 7
    assert read_tree(files / "sub" / "top.yaml", row="small")["loss"]["margin"] == {"name": "additive", "value": 0.05}
    assert read_tree(files / "base.yaml", row="same") == read_tree(files / "base.yaml")


def test_rows_are_listed_by_group(files: Path) -> None:
    assert list_rows(files / "base.yaml") == {"Margins": ["small", "none"], "Methods": ["moco", "same"]}
    with pytest.raises(InputError, match=r"base.yaml: no row 'mocco'; the rows are: small, none, moco, same"):
        read_tree(files / "base.yaml", row="mocco")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: 3", "base: expected the path of a configuration, found 3"),
        ("base: none.yaml", "none.yaml: cannot be read"),
        ("base: c.yaml", "more than 8 files build on each other; is there a circle?"),
        ("a: {b", "c.yaml:1: not valid YAML"),
        ("a: 2001-99-99", "c.yaml: not valid YAML"),
        ("- a", "expected a mapping of sections, found list"),
        ("[" * 5000, "not valid YAML"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError, match=message.replace("?", r"\?")) as error:
        read_tree(tmp_path / "c.yaml")
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_and_rows_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_tree(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("rows: [a]")
    with pytest.raises(InputError, match="rows: expected groups of rows"):
        list_rows(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("a: 1")
    with pytest.raises(InputError, match=r"--set a=.*: the value is not valid YAML"):
        read_tree(tmp_path / "c.yaml", ["a={b"])
