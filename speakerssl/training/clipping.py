"""Bounds on gradients: of all parameters together, or of each on its own as DINO does it (arXiv 2104.14294)."""

from collections.abc import Collection, Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


@torch.no_grad()
def clip_gradients(
    parameters: Iterable[nn.Parameter],
    bound: float | None,
    each: bool = False,
    shared_out: Collection[nn.Parameter] = (),
) -> None:
    """Scales gradients in place so that their norm is at most `bound`: the norm of all, or with `each` of every one.

    None leaves them as they are. Of the parameters `shared_out` every process has a part, and all of them call this.
    """
    if bound is None:
        return
    given = [parameter for parameter in parameters if parameter.grad is not None]
    parts = {id(parameter) for parameter in shared_out}
    for group in [[parameter] for parameter in given] if each else [given]:
        if any(id(parameter) in parts for parameter in group):
            nn.utils.clip_grads_with_norm_(group, bound, _norm(group, parts))
        else:
            nn.utils.clip_grad_norm_(group, bound)


def _norm(group: Iterable[nn.Parameter], parts: Collection[int]) -> Tensor:
    """The norm of the gradients of `group`, of those whose ids are in `parts` with what other processes have."""
    squares = [(id(one) in parts, one.grad.norm() ** 2) for one in group if one.grad is not None]
    apart = torch.stack([square for shared, square in squares if shared]).sum()
    dist.all_reduce(apart)
    return sum((square for shared, square in squares if not shared), apart).sqrt()
