"""Views of a batch: how many there must be, and how they go through a network."""

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError


def join_views(module: nn.Module, views: list[Tensor]) -> list[Tensor]:
    """`module` on each of `views` [B, T, F], those of equal length in one go: outputs [B, D] in the same order."""
    outputs: list[Tensor] = []
    start = 0
    while start < len(views):
        stop = start + 1
        while stop < len(views) and views[stop].shape == views[start].shape:
            stop += 1
        outputs += module(torch.cat(views[start:stop])).chunk(stop - start)
        start = stop
    return outputs


def at_least(method: str, views: list[Tensor], count: int, what: str) -> None:
    """Raises InputError where there are fewer views than `method` needs."""
    if len(views) < count:
        raise InputError(f"method {method} needs {count} views, there are {len(views)}: raise {what}")
