"""Checkpoints of a method whose class centres are shared out over processes (`loss: {shard_classes: true}`).

Files hold the whole: the first process collects the others' rows, with what the optimizer keeps of them, and each takes
its own from the file. Nothing else of the method is shared out.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from speakerssl.methods import Method
from speakerssl.training.checkpoint import State, Stateful
from speakerssl.training.distributed import World

BLOCK = 65536  # rows that travel at a time: what the first process needs on its device beside its own


class ClassSharding:
    """The rows of `method.by_class` (see `Method`) in one piece, and back. All processes call `gather` together.

    Attributes:
        whole: the method itself, which takes its own rows of a whole state.
    """

    averages = False  # gradients are still averaged by data parallelism

    def __init__(self, method: Method, world: World) -> None:
        self.whole, self.world = method, world

    def gather(self, optimizer: torch.optim.Optimizer) -> tuple[Stateful, Stateful]:
        """What has the whole states of method and optimizer, in the first process."""
        method = self.whole.state_dict()
        for name, (_, bounds) in self.whole.by_class.items():
            method[name] = self._collected(method[name], bounds)
        state = optimizer.state_dict()
        numbers = {}
        for number, (parameter, bounds) in self._shared(optimizer).items():
            kept = state["state"].get(number, {})
            numbers[number] = {
                key: self._collected(value, bounds) if _has_rows(value, len(parameter)) else value
                for key, value in kept.items()
            }
        return WholeState(method), WholeState({**state, "state": {**state["state"], **numbers}})

    def loaders(self, optimizer: torch.optim.Optimizer) -> tuple[Stateful, Stateful]:
        """Where a checkpoint's states of method and optimizer go."""
        return self.whole, _OptimizerLoader(optimizer, self._shared(optimizer), self.world.rank)

    def _shared(self, optimizer: torch.optim.Optimizer) -> dict[int, tuple[nn.Parameter, list[int]]]:
        """The parameters that are shared out, and the bounds of their rows, by their numbers in the optimizer."""
        known = {id(parameter): (parameter, bounds) for parameter, bounds in self.whole.by_class.values()}
        every = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        return {number: known[id(parameter)] for number, parameter in enumerate(every) if id(parameter) in known}

    def _collected(self, mine: Tensor, bounds: list[int]) -> Tensor:
        """The rows of all processes on the CPU in the first one, block by block; in the others their own."""
        if not self.world.is_main:
            for block in mine.detach().split(BLOCK):
                dist.send(block.contiguous(), 0)
            return mine
        whole = torch.empty(bounds[-1], *mine.shape[1:], dtype=mine.dtype)
        whole[: len(mine)] = mine.detach()
        for rank in range(1, self.world.size):
            for rows in whole[bounds[rank] : bounds[rank + 1]].split(BLOCK):
                if len(rows):
                    block = torch.empty_like(rows, device=mine.device)
                    dist.recv(block, rank)
                    rows.copy_(block)
        return whole


class WholeState:
    """A state that is whole already, where a checkpoint asks for one."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def state_dict(self) -> dict[str, Any]:
        return self.state

    def load_state_dict(self, state: State, /) -> object:
        raise NotImplementedError


class _OptimizerLoader:
    """Takes a process's rows of a whole optimizer's state; the file itself, which may be mapped, is not kept."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, shared: dict[int, tuple[nn.Parameter, list[int]]], rank: int
    ) -> None:
        self.optimizer, self.shared, self.rank = optimizer, shared, rank

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        mine = {number: self._own(number, kept) for number, kept in state["state"].items()}
        self.optimizer.load_state_dict({**state, "state": mine})

    def _own(self, number: int, kept: dict[str, Any]) -> dict[str, Any]:
        _, bounds = self.shared.get(number, (None, [0]))
        rows = slice(bounds[self.rank], bounds[self.rank + 1]) if number in self.shared else slice(None)
        taken = {key: value[rows] if _has_rows(value, bounds[-1]) else value for key, value in kept.items()}
        return {key: value.clone() if isinstance(value, Tensor) else value for key, value in taken.items()}


def _has_rows(value: Any, count: int) -> bool:
    """Whether it is a tensor of as many rows; the number of steps, say, is not."""
    return isinstance(value, Tensor) and value.dim() > 0 and len(value) == count
