"""One check of keys and types for everything that a configuration sets.

Sections become dataclasses (`read_options`), or the arguments of a class or function that a registry holds
(`construct`, `check_arguments`). A mistake is one InputError, always in the same words, that begins with the file
where it is known (`in_file`):

    train.yaml: augment.noise: unknown key 'nsr'; the known ones are: categories, folder, memory_mb, prob, snr
    train.yaml: training.steps: expected a whole number, found 'many'
"""

import dataclasses
import difflib
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from speakerssl.errors import MESSAGE_LIMIT, InputError, unknown_name
from speakerssl.option_types import convert, join, type_hints

T = TypeVar("T")


def check_keys(where: str, options: Any, known: Iterable[str]) -> None:
    """Raises InputError where `options` is no mapping or has a key that is not in `known`."""
    if not isinstance(options, Mapping):
        raise InputError(f"{_place(where)} expected a mapping, found {options!r}")
    choices = sorted(known)
    for key in options:
        if key not in choices:
            listed = ", ".join(choices) or "none"
            nearest = difflib.get_close_matches(str(key), choices, 1)
            # A long list loses its middle in the message, and with it perhaps the very name that was meant.
            hint = f" the nearest is {nearest[0]};" if nearest and len(listed) > MESSAGE_LIMIT // 2 else ""
            raise InputError(f"{_place(where)} unknown key '{key}';{hint} the known ones are: {listed}")


def check_range(where: str, value: Any, low: float, high: float = math.inf) -> float:
    """`value` as a float; raises InputError where it is no number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InputError(f"{where} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def read_options(kind: type[T], values: Any, where: str = "", renamed: Mapping[str, str] | None = None) -> T:
    """The dataclass `kind` filled from a mapping, its sections included; what is missing keeps its default.

    Args:
        where: what messages begin with, such as a file and a section.
        renamed: old name of a key to its present one; the old one still works, with a warning.

    Raises:
        InputError: an unknown key, a missing one, or a value of another type than the field's annotation.
    """
    hints = {name: hint for name, hint in type_hints(kind).items() if not _is_internal(kind, name)}
    for old, new in (renamed or {}).items():
        values = renamed_option(where, values, old, new) if isinstance(values, Mapping) else values
    check_keys(where, values, hints)
    filled = {}
    for key, value in values.items():
        read = read_options if dataclasses.is_dataclass(hints[key]) else convert
        filled[key] = read(hints[key], value, join(where, key))
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if field.name not in filled and not has_default:
            raise InputError(f"{_place(where)} the key '{field.name}' is missing")
    return kind(**filled)


def renamed_option(where: str, options: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """`options` with the key `old` of an earlier release under its `new` name, and a warning that says so.

    Raises InputError where both are given.
    """
    found = dict(options)
    if old in found:
        if new in found:
            raise InputError(f"{where}: '{old}' is the old name of '{new}': give only '{new}'")
        warnings.warn(
            f"{where}: '{old}' is now called '{new}'; the old name goes with the next release", FutureWarning, 3
        )
        found[new] = found.pop(old)
    return found


def construct(kind: str, registry: Mapping[str, Callable[..., T]], config: Any, **context: Any) -> T:
    """The member of `registry` that `config` describes: a bare name, or `{name: ..., option: value, ...}`.

    `context` holds arguments that the caller knows (such as the temperature); they are passed on to the members
    that take them and are no keys of the configuration.

    Raises InputError for an unknown name, an unknown or missing key, or a value of the wrong type.
    """
    if not isinstance(config, (str, Mapping)):
        raise InputError(f"{kind}: expected a name, or options with a 'name', found {config!r}")
    options = {"name": config} if isinstance(config, str) else dict(config)
    name = options.pop("name", None)
    if name is None:
        raise InputError(f"{kind}: the key 'name' is missing; the known ones are: {', '.join(sorted(registry))}")
    if name not in registry:
        raise unknown_name(kind, str(name), registry)
    build = registry[name]
    wanted = named_arguments(build)
    given = {key: value for key, value in context.items() if key in wanted}
    return build(**check_arguments(f"{kind} '{name}'", build, options, set(context)), **given)


def check_arguments(
    where: str, build: Callable[..., Any], options: Mapping[str, Any], known_elsewhere: Iterable[str] = ()
) -> dict[str, Any]:
    """`options` as arguments of `build`, whose annotations say their types.

    `known_elsewhere` are arguments that the caller passes itself. Raises InputError as `read_options` does.
    """
    own = {key: value for key, value in named_arguments(build).items() if key not in set(known_elsewhere)}
    check_keys(where, options, own)
    for key, parameter in own.items():
        if parameter.default is inspect.Parameter.empty and key not in options:
            raise InputError(f"{where}: the key '{key}' is missing")
    hints = type_hints(build.__init__ if inspect.isclass(build) else build)
    return {key: convert(hints.get(key, Any), value, join(where, key)) for key, value in options.items()}


def named_arguments(build: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The arguments of a class's constructor or a function that have names (torch's own *args have none)."""
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {key: value for key, value in inspect.signature(build).parameters.items() if value.kind not in unnamed}


@contextmanager
def in_file(path: str | Path) -> Iterator[None]:
    """Puts `path` before the message of an InputError that is raised within and does not begin with it."""
    try:
        yield
    except InputError as error:
        if not path or str(error).startswith(str(path)):
            raise
        raise InputError(f"{path}: {error}") from None


def _place(where: str) -> str:
    return where if where.endswith(":") else f"{where}:"


def _is_internal(kind: Any, name: str) -> bool:
    return any(field.name == name and field.metadata.get("internal") for field in dataclasses.fields(kind))
