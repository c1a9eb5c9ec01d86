"""The interface of a self-supervised method: views in, loss out. The trainer knows nothing more."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError, unknown_name
from speakerssl.losses import LossOutput

Embed = Callable[[], np.ndarray]  # gives reference embeddings [num_recordings, D] of unaugmented recordings


class Method(nn.Module):
    """An encoder with what training needs around it. Subclasses override `forward` and, where needed, the hooks.

    `encoder` is what remains after training: the projector, queues and teachers are left behind.
    """

    encoder: Encoder
    samples_positives: bool = False  # whether `start_epoch` wants reference embeddings

    def forward(self, views: list[Tensor], indices: Tensor, step: int) -> LossOutput:
        """`views`: features [B, T, F] each; `indices` [B]: which recordings the anchors are."""
        raise NotImplementedError

    def start_epoch(self, epoch: int, embed: Embed) -> np.ndarray | None:
        """Called before each epoch; may return partners [num_recordings] for the anchors' second views."""
        return None

    def after_step(self, step: int, total_steps: int) -> None:
        """Called after each optimizer step (momentum encoders, queues)."""

    def final_encoder(self) -> Encoder:
        """The encoder to save (a teacher where that is the better one)."""
        return self.encoder


Builder = Callable[[Encoder, Mapping[str, Any], Mapping[str, Any]], Method]
METHODS: dict[str, Builder] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Adds a builder `(encoder, options, loss_config) -> Method` under `name`."""

    def add(builder: Builder) -> Builder:
        METHODS[name] = builder
        return builder

    return add


def build_method(encoder: Encoder, config: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Builds `config['name']` around `encoder`; raises InputError listing the names that exist."""
    options = dict(config)
    name = options.pop("name", None)
    if name not in METHODS:
        raise unknown_name("method", str(name), METHODS)
    return METHODS[name](encoder, options, loss)


def check_options(method: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raises InputError for an option that `method` does not have."""
    for key in options:
        if key not in known:
            raise InputError(f"method {method}: unknown option '{key}'; the known ones are: {', '.join(known)}")
