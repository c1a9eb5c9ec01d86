"""Encoders by name: `build_encoder("thin_resnet34", feat_dim=40)`."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from speakerssl.encoders.base import Encoder
from speakerssl.errors import InputError, unknown_name

Builder = Callable[..., Encoder]
B = TypeVar("B", bound=Builder)
ENCODERS: dict[str, Builder] = {}


def register(name: str) -> Callable[[B], B]:
    """Adds an Encoder class, or a function that builds one, under `name`.

    Its first parameter is `feat_dim`; the others are the options and all have defaults.
    """

    def add(builder: B) -> B:
        ENCODERS[name] = builder
        return builder

    return add


def encoder_options(name: str) -> dict[str, Any]:
    """The options of an encoder and their defaults. Raises InputError listing the names that exist."""
    if name not in ENCODERS:
        raise unknown_name("encoder", str(name), ENCODERS)
    parameters = inspect.signature(ENCODERS[name]).parameters
    return {key: value.default for key, value in parameters.items() if key != "feat_dim"}


def build_encoder(name: str, feat_dim: int, **options: Any) -> Encoder:
    """Builds the encoder `name` for features of `feat_dim` values a frame.

    Raises:
        InputError: an unknown name, an unknown option or a value of the wrong type; it lists the valid ones.
    """
    known = encoder_options(name)
    for key, value in options.items():
        if key not in known:
            valid = ", ".join(known) or "none"
            raise InputError(f"encoder {name}: unknown option '{key}'; the valid ones are: {valid}")
        if not _same_type(value, known[key]):
            raise InputError(f"encoder {name}: {key}: {value!r} is not of the type of the default, {known[key]!r}")
    return ENCODERS[name](feat_dim, **options)


def _same_type(value: object, default: object) -> bool:
    """YAML gives lists where a default is a tuple; a bool is no int."""
    if isinstance(default, tuple):
        return isinstance(value, (list, tuple)) and all(_same_type(item, default[0]) for item in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, type(default))
