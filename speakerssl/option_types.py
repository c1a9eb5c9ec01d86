"""Values of a configuration as the types that annotations name: a value of another form is an InputError."""

import math
import types
import typing
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from speakerssl.errors import InputError, unknown_name

RANGE = "low, high"  # marks a pair whose first number must not be the larger
FloatRange = Annotated[tuple[float, float], RANGE]
IntRange = Annotated[tuple[int, int], RANGE]


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type that `hint` annotates, or InputError: whole numbers become floats, lists become tuples.

    A bare name stands for a list of one name. Types that a configuration cannot write (modules, tensors, sections) are
    not checked here.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        pair = convert(inner[0], value, where)
        if RANGE in inner and pair[0] > pair[1]:
            raise InputError(f"{where}: expected [low, high], found {value!r}")
        return pair
    if origin in (typing.Union, types.UnionType):
        return _convert_union(inner, value, where)
    if origin is typing.Literal:
        if value not in inner:
            raise unknown_name(where, str(value), inner)
        return value
    if origin in _LISTS:
        return _convert_items(inner, value, where)
    if origin in _MAPPINGS:
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: expected a mapping, found {value!r}")
        return {key: convert(inner[1], item, join(where, str(key))) for key, item in value.items()}
    return _convert_plain(hint, value, where)


_LISTS, _MAPPINGS = (tuple, list, Sequence), (Mapping, dict)
_PLAIN = {bool: "true or false", int: "a whole number", float: "a finite number", str: "text"}


def _convert_plain(hint: Any, value: Any, where: str) -> Any:
    if hint not in _PLAIN:
        return value
    if hint is float and isinstance(value, str):  # YAML 1.1 reads 1e-3 as text
        with suppress(ValueError):
            value = float(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if hint is str and isinstance(value, Path):
        value = str(value)
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        raise InputError(f"{where}: expected {_PLAIN[hint]}, found {value!r}")
    return value


def _convert_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:
    """The first choice that takes the value, of those of its form where there are any; or the first one's error."""
    if value is None and type(None) in choices:
        return None
    left = [choice for choice in choices if choice is not type(None)]
    alike = [choice for choice in left if _form(choice) == _form_of(value)] or left
    for choice in alike:
        try:
            return convert(choice, value, where)
        except InputError:
            continue
    return convert(alike[0], value, where)


def _convert_items(inner: tuple[Any, ...], value: Any, where: str) -> Any:
    """A tuple of any number of items of one type, or of a type each."""
    several = len(inner) == 1 or inner[1] is Ellipsis
    if isinstance(value, str) and several and inner[0] is str:
        value = (value,)
    if not isinstance(value, (list, tuple)) or not (several or len(value) == len(inner)):
        expected = "a list of names" if inner[0] is str else "a list" if several else "[low, high]"
        raise InputError(f"{where}: expected {expected}, found {value!r}")
    kinds = (inner[0],) * len(value) if several else inner
    return tuple(convert(kind, item, where) for kind, item in zip(kinds, value))


def _form(hint: Any) -> str:
    """Whether a hint is of mappings, lists or neither."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _form(typing.get_args(hint)[0])
    return "mapping" if origin in _MAPPINGS else "list" if origin in _LISTS else "plain"


def _form_of(value: Any) -> str:
    return "mapping" if isinstance(value, Mapping) else "list" if isinstance(value, (list, tuple)) else "plain"


def join(where: str, key: str) -> str:
    """The place of `key` within `where`: `section.key`, or `file: key` at the top of a file."""
    if not where:
        return key
    return f"{where} {key}" if where.endswith(":") else f"{where}.{key}"


def type_hints(owner: Any) -> dict[str, Any]:
    """The annotations of a class or function, looked up once."""
    return _looked_up(owner)


@cache
def _looked_up(owner: Any) -> dict[str, Any]:
    return typing.get_type_hints(owner, include_extras=True)
