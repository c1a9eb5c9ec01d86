"""Gradient checkpointing: the inside of an encoder's blocks is computed twice, so that it need not be kept.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174. Between forward and backward only what
goes into a block stays in memory. Dropout draws the same again, and batch normalization counts a batch once: gradients
and statistics are those of a run without it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def checkpoint_blocks(encoder: nn.Module) -> int:
    """Has every block of `encoder` computed again in the backward pass; returns how many blocks there are.

    A block is a direct member of an outermost `nn.Sequential` or `nn.ModuleList` that has parameters.
    """
    blocks = list(blocks_of(encoder))
    for block in blocks:
        _compute_twice(block)
    return len(blocks)


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """Its blocks, in order; see `checkpoint_blocks`."""
    for child in module.children():
        if isinstance(child, (nn.Sequential, nn.ModuleList)):
            yield from (block for block in child if any(True for _ in block.parameters()))
        else:
            yield from blocks_of(child)


def _compute_twice(block: nn.Module) -> None:
    once = block.forward

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _counted_already(block)

    def forward(*inputs: Any, **options: Any) -> Any:
        if not (block.training and torch.is_grad_enabled()):
            return once(*inputs, **options)
        return checkpoint(once, *inputs, use_reentrant=False, context_fn=contexts, **options)

    block.forward = forward


@contextmanager
def _counted_already(block: nn.Module) -> Iterator[None]:
    """Batch normalization inside leaves its running statistics as they are."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    before = [(norm, norm.running_mean, norm.running_var, norm.num_batches_tracked) for norm in norms]
    for norm, mean, variance, count in before:
        norm.running_mean, norm.running_var, norm.num_batches_tracked = (
            None if one is None else one.clone() for one in (mean, variance, count)
        )
    try:
        yield
    finally:
        for norm, mean, variance, count in before:
            norm.running_mean, norm.running_var, norm.num_batches_tracked = mean, variance, count
