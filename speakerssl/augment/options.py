"""Options read from a configuration mapping into a dataclass: a typo or a value of the wrong form is an error."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speakerssl.errors import InputError


def read_section(name: str, kind: type[Any], values: Mapping[str, Any]) -> Any:
    """`kind` filled from `values`; lists become tuples, a missing option keeps its default.

    Raises:
        InputError: an unknown option (the message lists the known ones) or a value of the wrong form.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        where = f"augment.{name}.{key}"
        if key not in fields:
            raise InputError(f"{where}: unknown option; the known ones are: {', '.join(sorted(fields))}")
        checked[key] = _check(where, value, fields[key].default)
    section = kind(**checked)
    if not 0.0 <= section.prob <= 1.0:
        raise InputError(f"augment.{name}.prob: {section.prob:g} is no probability from 0 to 1")
    return section


def _check(where: str, value: Any, default: Any) -> Any:
    if value is None and default is None:
        return None
    if where.endswith(".snr"):
        if isinstance(value, Mapping):
            return {key: _range(f"{where}.{key}", pair) for key, pair in value.items()}
        return _range(where, value)
    if isinstance(default, tuple) and len(default) == 2:
        return _range(where, value)
    if isinstance(default, tuple) or where.endswith(".categories"):
        if not isinstance(value, list | tuple) or not value:
            raise InputError(f"{where}: expected a list, found {value!r}")
        return tuple(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InputError(f"{where}: expected true or false, found {value!r}")
        return value
    if isinstance(default, int | float):
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != value:
            raise InputError(f"{where}: expected a number of at least 0, found {value!r}")
        if isinstance(default, int) and value != int(value):
            raise InputError(f"{where}: expected a whole number, found {value!r}")
        return type(default)(value)
    if not isinstance(value, str | Path):
        raise InputError(f"{where}: expected a path, found {value!r}")
    return str(value)


def _range(where: str, value: Any) -> tuple[Any, Any]:
    if (
        not isinstance(value, list | tuple)
        or len(value) != 2
        or not all(isinstance(bound, int | float) for bound in value)
        or value[0] > value[1]
    ):
        raise InputError(f"{where}: expected [low, high], found {value!r}")
    return value[0], value[1]
