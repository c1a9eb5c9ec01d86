"""Weights shared out over processes (FSDP2), for encoders that do not fit one GPU with their optimizer.

Each process keeps its part of every parameter, of its gradient and of the optimizer's state; the parameters of a block
are gathered when it computes. Gradients are averaged as data parallelism does. Files hold the whole: a checkpoint can
be read by hand and a model is saved as ever.
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from speakerssl.config import Config, TrainingConfig
from speakerssl.errors import InputError
from speakerssl.methods import Method
from speakerssl.training.checkpoint import Stateful
from speakerssl.training.class_sharding import ClassSharding, WholeState
from speakerssl.training.distributed import World
from speakerssl.training.memory_saving import blocks_of

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


class Sharding:
    """Shares out the parameters of `method` in place; `whole` is a copy on the CPU that `gather` brings up to date.

    To be made before anything replaces a `forward`, which a copy would share.

    Raises InputError for what it does not go with: teachers that follow the encoder, positives sampled by it, cached
    gradients, class centres that are shared out already, and losses with a parameter that is a single number.
    """

    averages = True  # gradients are averaged here, not by data parallelism

    def __init__(self, method: Method, training: TrainingConfig, world: World) -> None:
        for reason, is_so in (
            ("methods with a teacher", hasattr(method, "teacher_student_pairs")),
            ("reference embeddings of the encoder", method.sampler is not None or method.needs_reference),
            ("training.grad_cache", bool(training.grad_cache)),
            ("loss.shard_classes", bool(method.by_class)),
        ):
            if is_so:
                raise InputError(f"training.fsdp: does not go with {reason}; leave it out")
        self.method, self.whole = method, copy.deepcopy(method).cpu()
        for parameter in method.parameters():  # parts are cut from plain memory, so channels-last layouts are given up
            parameter.data = parameter.data.contiguous()
        mesh = init_device_mesh(world.device.type, (world.size,))
        try:
            for block in blocks_of(method.encoder):
                fully_shard(block, mesh=mesh)
            fully_shard(method, mesh=mesh)
        except ValueError as error:
            raise InputError(f"training.fsdp: {error}") from None

    def gather(self, optimizer: torch.optim.Optimizer) -> tuple[Method, Stateful]:
        """The whole method, and an optimizer whose state is whole; all processes call it, the first has the numbers."""
        method, state = get_state_dict(self.method, optimizer, options=_WHOLE)
        if method:
            self.whole.load_state_dict(method)
        return self.whole, WholeState(state)

    def loaders(self, optimizer: torch.optim.Optimizer) -> tuple[Stateful, Stateful]:
        """Where a checkpoint's states of method and optimizer go; all processes read it."""
        return _MethodLoader(self.method), _OptimizerLoader(self.method, optimizer)


def share_out(method: Method, config: Config, world: World) -> Sharding | ClassSharding | None:
    """What shares out parameters of `method` over processes; None where each has all of them."""
    if config.training.fsdp and world.size > 1:
        return Sharding(method, config.training, world)
    return ClassSharding(method, world) if method.by_class else None


class _MethodLoader(WholeState):
    def __init__(self, method: nn.Module) -> None:
        self.method = method

    def load_state_dict(self, state: dict[str, Any]) -> object:
        return set_model_state_dict(self.method, state, options=_WHOLE)


class _OptimizerLoader(WholeState):
    def __init__(self, method: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.method, self.optimizer = method, optimizer

    def load_state_dict(self, state: dict[str, Any]) -> object:
        set_optimizer_state_dict(self.method, self.optimizer, state, options=_WHOLE)
        return None
