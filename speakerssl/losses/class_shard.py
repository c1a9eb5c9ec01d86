"""Class centres shared out over processes, and the softmax over all of them: Partial FC (arXiv 2203.15565), UNICOM.

Each process holds the centres of its own classes. It compares them with the embeddings of all processes; what one
needs of the others are numbers an embedding: the largest logit, the sum of exponentials, the logit of the own class.

Gradients are those of the sum of all processes' losses, as `gather` has them: data parallelism then takes the mean
over processes of whatever parameters they share, and `ClassShard.parameter` does it for the centres, which they do not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from speakerssl.losses.all_classes import AllClasses
from speakerssl.losses.blockwise import RandomState
from speakerssl.losses.gather import check_equal_sizes, gather, world


class ClassShard(AllClasses):
    """The classes of one process of several: C p / P to C (p + 1) / P in process p of P. All of them call together."""

    shared = True

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.rank, size = world()
        self.bounds = [number * rank // size for rank in range(size + 1)]

    @property
    def span(self) -> slice:
        return slice(self.bounds[self.rank], self.bounds[self.rank + 1])

    def gathered(self, tensor: Tensor) -> Tensor:
        check_equal_sizes(len(tensor), tensor.device)
        return gather(tensor)

    def returned(self, tensor: Tensor) -> Tensor:
        return tensor.chunk(len(self.bounds) - 1)[self.rank]

    def parameter(self, parameter: Tensor) -> Tensor:
        return _MeanGradient.apply(parameter, len(self.bounds) - 1)

    @contextmanager
    def drawing(self, device: torch.device) -> Iterator[None]:
        """The first process's numbers, which alone has drawn them afterwards: it goes on as a single one would."""
        before = RandomState(device)
        state = (before.cpu if before.cuda is None else before.cuda).to(device, copy=True)
        dist.broadcast(state, 0)
        if before.cuda is None:
            torch.set_rng_state(state)
        else:
            torch.cuda.set_rng_state(state.cpu(), device)
        yield
        if self.rank:
            before.restore()

    def local(self, classes: Tensor | None, labels: Tensor) -> tuple[Tensor | None, Tensor]:
        start, stop = self.span.start, self.span.stop
        here = (labels >= start) & (labels < stop)
        if classes is None:
            return None, torch.where(here, labels - start, -1)
        mine = classes[(classes >= start) & (classes < stop)] - start
        return mine, torch.where(here, torch.searchsorted(mine, labels - start), -1)

    def own(self, values: Tensor, places: Tensor) -> Tensor:
        # Without a class here the sum is 0 and keeps the graph alike in all processes, whose backward meets in it.
        if not values.shape[1]:
            return _Sum.apply(values.sum(1))
        found = values.gather(1, places.clamp(min=0)[:, None]).squeeze(1)
        return _Sum.apply(torch.where(places >= 0, found, torch.zeros_like(found)))

    def put(self, values: Tensor, places: Tensor, own: Tensor) -> Tensor:
        if not values.shape[1]:
            return values + own[:, None]
        index = places.clamp(min=0)[:, None]
        return values.scatter(1, index, torch.where(places[:, None] >= 0, own[:, None], values.gather(1, index)))

    def sum(self, values: Tensor) -> Tensor:
        return _Sum.apply(values.sum(1))

    def largest(self, values: Tensor) -> Tensor:
        values = values.detach()
        found = values.amax(1) if values.shape[1] else values.new_full((len(values),), -torch.inf)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return found

    def cross_entropy(self, logits: Tensor, places: Tensor, classes: int, smoothing: float) -> Tensor:
        largest = self.largest(logits)
        everything = self.sum((logits - largest[:, None]).exp()).log() + largest
        losses = everything - self.own(logits, places)
        if not smoothing:
            return losses
        return (1 - smoothing) * losses + smoothing * (everything - self.sum(logits) / classes)

    def correct(self, logits: Tensor, places: Tensor) -> Tensor:
        return self.own(logits, places) >= self.largest(logits)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # Every process's loss depends on the sum that this process's part is in.
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class _MeanGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, size: int) -> Tensor:
        ctx.size = size
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient / ctx.size, None
