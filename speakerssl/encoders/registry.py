"""Encoders by name: `build_encoder("thin_resnet34", feat_dim=40)`."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from speakerssl.encoders.base import Encoder
from speakerssl.errors import unknown_name
from speakerssl.options import check_arguments

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
        InputError: an unknown name (it lists those that exist), an unknown key or a value of the wrong type.
    """
    if name not in ENCODERS:
        raise unknown_name("encoder", str(name), ENCODERS)
    return ENCODERS[name](feat_dim, **check_arguments(f"encoder {name}", ENCODERS[name], options, ["feat_dim"]))
