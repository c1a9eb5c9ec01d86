"""The one check of configurations: each kind of mistake is one line that says where, what and what there is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from speakerssl.errors import InputError
from speakerssl.option_types import FloatRange, IntRange
from speakerssl.options import check_arguments, check_keys, construct, in_file, read_options


@dataclass(frozen=True)
class Inner:
    rate: float = 1.0


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 1
    loud: bool = False
    rate: float | None = None
    kind: Literal["a", "b"] = "a"
    snr: FloatRange | Mapping[str, FloatRange] | None = None
    voices: IntRange = (3, 7)
    files: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)
    free: Mapping[str, Any] = field(default_factory=dict)
    secret: str = field(default="", metadata={"internal": True})


def test_what_is_written_in_yaml_becomes_what_the_annotation_says() -> None:
    tree = {"name": "x", "rate": "1e-3", "snr": {"music": [5, 15]}, "voices": [1, 1], "files": "one", "inner": {}}
    read = read_options(Outer, tree)
    assert read == Outer("x", rate=1e-3, snr={"music": (5.0, 15.0)}, voices=(1, 1), files=("one",))
    assert read_options(Outer, {"name": "x", "rate": 3}).rate == 3.0
    assert isinstance(read_options(Outer, {"name": "x", "rate": 3}).rate, float)
    assert read_options(Outer, {"name": "x", "snr": None}).snr is None


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (3, "c.yaml: expected a mapping, found 3"),
        ({}, "c.yaml: the key 'name' is missing"),
        ({"name": "x", "nmae": 1}, "c.yaml: unknown key 'nmae'; the known ones are: count, files, free, inner"),
        ({"name": "x", "secret": "s"}, "unknown key 'secret'"),
        ({"name": 3}, "c.yaml: name: expected text, found 3"),
        ({"name": "x", "count": 2.5}, "c.yaml: count: expected a whole number, found 2.5"),
        ({"name": "x", "count": True}, "c.yaml: count: expected a whole number, found True"),
        ({"name": "x", "loud": "yes"}, "c.yaml: loud: expected true or false, found 'yes'"),
        ({"name": "x", "rate": float("nan")}, "c.yaml: rate: expected a finite number"),
        ({"name": "x", "kind": "c"}, "unknown c.yaml: kind 'c'; the known ones are: a, b"),
        ({"name": "x", "snr": [15, 0]}, r"c.yaml: snr: expected \[low, high\]"),
        ({"name": "x", "snr": [1]}, r"c.yaml: snr: expected \[low, high\]"),
        ({"name": "x", "snr": {"music": 3}}, r"c.yaml: snr.music: expected \[low, high\]"),
        ({"name": "x", "voices": [1.5, 3]}, "c.yaml: voices: expected a whole number"),
        ({"name": "x", "files": [1]}, "c.yaml: files: expected text, found 1"),
        ({"name": "x", "files": 1}, "c.yaml: files: expected a list of names"),
        ({"name": "x", "inner": {"rat": 1}}, "c.yaml: inner: unknown key 'rat'; the known ones are: rate"),
        ({"name": "x", "free": 1}, "c.yaml: free: expected a mapping"),
    ],
)
def test_mistakes_are_named(tree: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_options(Outer, tree, "c.yaml:")
    assert "\n" not in str(error.value)


def test_a_renamed_key_works_for_one_release_and_says_its_new_name() -> None:
    with pytest.warns(FutureWarning, match="loss: 'number' is now called 'count'"):
        read = read_options(Outer, {"name": "x", "number": 4}, "loss", {"number": "count"})
    assert read.count == 4


class Margin:
    def __init__(self, value: float, steps: int = 1, temperature: float = 1.0) -> None:
        self.settings = value, steps, temperature


def test_a_registry_builds_by_name_and_checks_arguments_by_their_annotations() -> None:
    registry = {"additive": Margin}
    built = construct("margin", registry, {"name": "additive", "value": 1, "steps": 2}, temperature=0.5)
    assert built.settings == (1.0, 2, 0.5)
    for config, message in (
        ("additive", "margin 'additive': the key 'value' is missing"),
        ({"value": 1}, "margin: the key 'name' is missing; the known ones are: additive"),
        (3, "margin: expected a name, or options with a 'name', found 3"),
        ("arc", "unknown margin 'arc'; the known ones are: additive"),
        ({"name": "additive", "value": "big"}, "margin 'additive'.value: expected a finite number, found 'big'"),
        ({"name": "additive", "value": 1, "temperature": 2}, "margin 'additive': unknown key 'temperature'"),
    ):
        with pytest.raises(InputError, match=message):
            construct("margin", registry, config, temperature=0.5)
    assert check_arguments("margin", Margin, {"value": 2}) == {"value": 2.0}


def test_the_file_is_named_once() -> None:
    message = r"^c\.yaml: loss: unknown key 'x'; the known ones are: none$"
    for where in ("loss", "c.yaml: loss"):
        with pytest.raises(InputError, match=message), in_file("c.yaml"):
            check_keys(where, {"x": 1}, ())
