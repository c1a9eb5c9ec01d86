"""From a configuration to objects: a name picks a class, the other keys are its constructor's own arguments."""

import inspect
import warnings
from collections.abc import Mapping
from typing import Any, TypeVar

from speakerssl.errors import InputError, unknown_name

T = TypeVar("T")


def construct(kind: str, registry: Mapping[str, type[T]], config: str | Mapping[str, Any], **context: Any) -> T:
    """Builds the member of `registry` that `config` describes: a bare name, or `{name: ..., option: value, ...}`.

    `context` holds arguments that the caller knows (such as the temperature); they are passed on to the
    classes that want them and are no options of the configuration.

    Raises InputError for an unknown name or option, listing the valid ones.
    """
    options = {"name": config} if isinstance(config, str) else dict(config)
    name = options.pop("name", None)
    if name is None:
        raise InputError(f"{kind} needs a 'name'; the known ones are: {', '.join(sorted(registry))}")
    if name not in registry:
        raise unknown_name(kind, str(name), registry)
    parameters = named_arguments(registry[name])
    wanted = list(parameters)
    check_keys(f"{kind} '{name}'", options, [parameter for parameter in wanted if parameter not in context])
    for parameter, description in parameters.items():
        if description.default is inspect.Parameter.empty and parameter not in {**options, **context}:
            raise InputError(f"{kind} '{name}' needs the option '{parameter}'")
    return registry[name](**options, **{key: value for key, value in context.items() if key in wanted})


def named_arguments(kind: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class's constructor that have names (torch's own *args and **kwargs have none)."""
    unnamed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {k: p for k, p in inspect.signature(kind).parameters.items() if p.kind not in unnamed}


def renamed_option(what: str, options: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """`options` with the key `old` of an earlier release under its `new` name, and a warning that says so.

    Raises InputError where both are given.
    """
    found = dict(options)
    if old in found:
        if new in found:
            raise InputError(f"{what}: '{old}' is the old name of '{new}': give only '{new}'")
        warnings.warn(
            f"{what}: '{old}' is now called '{new}'; the old name goes with the next release", FutureWarning, 2
        )
        found[new] = found.pop(old)
    return found


def check_keys(what: str, options: Mapping[str, Any], valid: list[str]) -> None:
    """Raises InputError naming the first key of `options` that is not in `valid`, and the valid ones."""
    for key in options:
        if key not in valid:
            choices = ", ".join(valid) if valid else "(none)"
            raise InputError(f"{what} has no option '{key}'; the valid ones are: {choices}")


def check_range(what: str, value: float, low: float, high: float = float("inf")) -> float:
    """`value` as a float; raises InputError where it is not a number within [low, high]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InputError(f"{what} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)
