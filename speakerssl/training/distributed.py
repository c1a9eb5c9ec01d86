"""One process or several under torchrun; the trainer asks here and nowhere else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """This process's place. `device` is its own GPU where there is one, else the CPU."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module` with gradients averaged over processes; itself when alone."""
        if self.size == 1:
            return module
        device_ids = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=device_ids)

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


@contextmanager
def open_world(device: str = "auto") -> Iterator[World]:
    """Joins torchrun's process group when started by it (RANK, WORLD_SIZE in the environment)."""
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    cuda = torch.cuda.is_available() if device == "auto" else device.startswith("cuda")
    local = int(os.environ.get("LOCAL_RANK", 0))
    place = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(place)
    if size > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield World(rank, size, place)
    finally:
        if size > 1:
            dist.destroy_process_group()
