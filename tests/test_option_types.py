"""Values of a configuration as the types that annotations name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from speakerssl.errors import InputError
from speakerssl.option_types import FloatRange, IntRange, convert, join, type_hints


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (float, "1e-3", 1e-3),
        (str, Path("a/b"), "a/b"),
        (float | None, None, None),
        (tuple[int, ...], [1, 2], (1, 2)),
        (Sequence[str], "one", ("one",)),
        (tuple[str, int], ["a", 1], ("a", 1)),
        (FloatRange, [0, 5], (0.0, 5.0)),
        (Literal["a", "b"], "b", "b"),
        (Mapping[str, float], {"x": 1}, {"x": 1.0}),
        (FloatRange | Mapping[str, FloatRange], {"x": [1, 2]}, {"x": (1.0, 2.0)}),
        (FloatRange | Mapping[str, FloatRange], [1, 2], (1.0, 2.0)),
        (float | str, "x", "x"),
        (Any, object, object),
    ],
)
def test_values_take_their_type(hint: Any, value: Any, expected: Any) -> None:
    found = convert(hint, value, "x")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, 1.5, r"^here: expected a whole number, found 1\.5$"),
        (int, True, "expected a whole number, found True"),
        (bool, 1, "expected true or false, found 1"),
        (float, "fast", "expected a finite number, found 'fast'"),
        (float, float("nan"), "expected a finite number"),
        (float, True, "expected a finite number"),
        (str, 3, "expected text, found 3"),
        (IntRange, [5, 1], r"expected \[low, high\], found \[5, 1\]"),
        (IntRange, [5], r"expected \[low, high\]"),
        (tuple[str, ...], 3, "expected a list of names"),
        (tuple[int, ...], 3, "expected a list, found 3"),
        (tuple[int, ...], ["a"], "expected a whole number, found 'a'"),
        (Mapping[str, int], [1], "expected a mapping"),
        (Mapping[str, int], {"k": "v"}, r"^here\.k: expected a whole number"),
        (Literal["ab", "cd"], "ac", "here 'ac'; the known ones are: ab, cd"),
        (float | None, "x", "expected a finite number"),
    ],
)
def test_another_form_is_named_with_its_place(hint: Any, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert(hint, value, "here")


def test_places_are_joined_as_people_read_them() -> None:
    assert join("", "loss") == "loss"
    assert join("loss", "margin") == "loss.margin"
    assert join("a.yaml:", "loss") == "a.yaml: loss"


def test_annotations_are_looked_up_once() -> None:
    def options(low: "int" = 3) -> None: ...

    assert type_hints(options) is type_hints(options)
    assert type_hints(options)["low"] is int
