"""Candidates from every process, with gradients: the loss of a batch spread over processes is that of one process.

Each process computes the mean loss of its own anchors against the candidates of all. Under data parallelism,
which averages the parameters' gradients over processes, the outcome is the gradient of the loss of the whole
batch, and the mean of the processes' losses is that loss.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from speakerssl.errors import InputError


def world() -> tuple[int, int]:
    """(rank, number of processes): (0, 1) where torch.distributed is not initialized."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        rank, size = world()
        ctx.span = (rank * len(tensor), len(tensor))
        return _all_gather(tensor, size)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # Every process's loss depends on this process's rows: their gradients add up.
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        start, length = ctx.span
        return gradient.narrow(0, start, length)


def gather(tensor: Tensor) -> Tensor:
    """[N, ...] of this process to [processes * N, ...] in rank order, with gradients; identity on one process.

    All processes must bring the same N (drop the last incomplete batch); `check_equal_sizes` says so early.
    """
    if world()[1] == 1:
        return tensor
    return _Gather.apply(tensor) if tensor.requires_grad else _all_gather(tensor, world()[1])


def check_equal_sizes(count: int, device: torch.device) -> None:
    """Raises InputError where processes bring batches of different sizes, which would hang or corrupt a gather."""
    size = world()[1]
    if size == 1:
        return
    counts = _all_gather(torch.tensor([count], device=device), size).tolist()
    if len(set(counts)) > 1:
        raise InputError(f"processes brought batches of different sizes, {counts}; drop the last incomplete batch")


def _all_gather(tensor: Tensor, size: int) -> Tensor:
    tensor = tensor.detach().contiguous()
    parts = [torch.empty_like(tensor) for _ in range(size)]
    dist.all_gather(parts, tensor)
    return torch.cat(parts)
