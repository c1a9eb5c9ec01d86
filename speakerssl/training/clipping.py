"""Bounds on gradients: of all parameters together, or of each on its own as DINO does it (arXiv 2104.14294)."""

from collections.abc import Iterable

import torch
from torch import nn


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], bound: float | None, each: bool = False) -> None:
    """Scales gradients in place so that their norm is at most `bound`: the norm of all, or with `each` of every one.

    None leaves them as they are.
    """
    if bound is None:
        return
    given = [parameter for parameter in parameters if parameter.grad is not None]
    for group in [[parameter] for parameter in given] if each else [given]:
        nn.utils.clip_grad_norm_(group, bound)
