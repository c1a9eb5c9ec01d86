"""A function of blocks of rows whose memory is that of one block, in forward and in backward.

torch.utils.checkpoint of each block would leave every block's graph (without its tensors, yet some 70 kB) until
backward, and each block's gradient would be a tensor of the size of all rows. The number of blocks grows with the
square of the batch: here nothing is left of a block, and all add to one gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# (start, stop, rows from start to stop of some tensors, other tensors whole) -> [stop - start, ...]
BlockFunction = Callable[[int, int, Sequence[Tensor], Sequence[Tensor]], Tensor]


def map_blocks(
    function: BlockFunction,
    by_row: Sequence[Tensor],
    whole: Sequence[Tensor],
    block_size: int,
    parameters: Sequence[Tensor] = (),
) -> Tensor:
    """Concatenates `function(start, stop, parts, whole)` over blocks of rows; backward computes each block again.

    by_row: tensors [R, ...], of which `parts` are the rows from start to stop.
    whole: tensors that every block needs whole; one of `by_row` may be among them.
    parameters: leaves that `function` uses by itself.

    Gradients reach these and nothing else that `function` may use. Random numbers and autocast are as in
    forward. A single block is kept as it is, since computing it again would save nothing.
    """
    count = len(by_row[0])
    if count <= block_size:
        return function(0, count, by_row, whole)
    spans = [(start, min(start + block_size, count)) for start in range(0, count, block_size)]
    tensors = [*by_row, *whole, *parameters]
    first = [next(i for i, other in enumerate(tensors) if other is tensor) for tensor in tensors]
    return _Blocks.apply(function, spans, (len(by_row), len(by_row) + len(whole)), first, *tensors)


class _Blocks(torch.autograd.Function):
    """`spans` are the blocks, `ends` the end of `by_row` and of `whole`; tensor i is the same as tensor `first[i]`."""

    @staticmethod
    def forward(
        ctx: Any,
        function: BlockFunction,
        spans: Sequence[tuple[int, int]],
        ends: tuple[int, int],
        first: Sequence[int],
        *tensors: Tensor,
    ) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.function, ctx.spans, ctx.ends, ctx.first = function, spans, ends, first
        kind = tensors[0].device.type
        ctx.autocast = kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        ctx.random = RandomState(tensors[0].device)
        rows, whole = tensors[: ends[0]], tensors[ends[0] : ends[1]]
        return torch.cat([function(start, stop, [row[start:stop] for row in rows], whole) for start, stop in spans])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        sums: list[Tensor | None] = [None] * len(tensors)  # None where nothing depends on it
        if gradient is not None:
            after = RandomState(gradient.device)
            ctx.random.restore()
            for span in ctx.spans:
                _add_gradients(ctx, tensors, gradient, span, sums)
            after.restore()
        return (None,) * 4 + tuple(sums)


def _add_gradients(
    ctx: Any, tensors: Sequence[Tensor], gradient: Tensor, span: tuple[int, int], sums: list[Tensor | None]
) -> None:
    """Computes one block again, with a graph, and adds its gradients to `sums`."""
    cut, (rows, end) = slice(*span), ctx.ends
    wanted = ctx.needs_input_grad[-len(tensors) :]
    with torch.enable_grad(), torch.autocast(*ctx.autocast):
        pieces = [tensor[cut] if i < rows else tensor for i, tensor in enumerate(tensors[:end])]
        leaves = [piece.detach().requires_grad_(want) for piece, want in zip(pieces, wanted)]
        output = ctx.function(*span, leaves[:rows], leaves[rows:])
        asked = [i for i, want in enumerate(wanted) if want]
        inputs = [*leaves, *tensors[end:]]
        found = torch.autograd.grad(output, [inputs[i] for i in asked], gradient[cut], allow_unused=True)
    for i, part in zip(asked, found):
        if part is not None:
            place = ctx.first[i]
            total = sums[place] = torch.zeros_like(tensors[i]) if sums[place] is None else sums[place]
            (total[cut] if i < rows else total).add_(part)


class RandomState:
    """The state of the random generators of the CPU and of `device` when it is made; `restore` sets them back to it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)
