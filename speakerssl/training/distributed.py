"""One process or several under torchrun; the trainer asks here and nowhere else."""

import atexit
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from speakerssl.errors import InputError, JobError, SpeakerSSLError

# What gloo and NCCL say when the other side of a connection is gone.
_EXCHANGE = re.compile(r"gloo|nccl|connection (closed|reset|refused)|closed by peer|broken pipe", re.IGNORECASE)


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

    def largest(self, value: int) -> int:
        """The largest of all processes' `value`: what one of them knows, all of them know."""
        if self.size == 1:
            return value
        known = torch.tensor([value], device=self.device)
        dist.all_reduce(known, dist.ReduceOp.MAX)
        return int(known.item())

    def lost_process(self, error: RuntimeError, step: int) -> JobError | None:
        """What a failed exchange between processes means in words; None for any other error."""
        if self.size == 1 or not _EXCHANGE.search(str(error)):
            return None
        return JobError(
            f"another process of the run was lost in step {step + 1} (killed? out of memory?); "
            "the same command goes on from the last checkpoint"
        )

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


def choose_place(name: str) -> torch.device:
    """Where this process computes: `auto`, `cpu`, `cuda` (its own GPU) or `cuda:N`.

    Raises InputError for another name, and for a GPU that this machine does not have.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"--device '{name}' is unknown; the known ones are: auto, cpu, cuda, cuda:N")
    if name == "cpu":
        return torch.device("cpu")
    number = int(name[5:]) if ":" in name else int(os.environ.get("LOCAL_RANK", 0))
    if number >= torch.cuda.device_count():
        raise InputError(f"--device '{name}': this machine has {torch.cuda.device_count()} GPUs; use cpu or auto")
    return torch.device("cuda", number)


def make_deterministic(wanted: bool) -> None:
    """Asks torch for kernels that give the same bits again; on CUDA some are slower, and a few operations have none."""
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(wanted)


@contextmanager
def open_world(device: str = "auto") -> Iterator[World]:
    """Joins torchrun's process group when started by it (RANK, WORLD_SIZE in the environment)."""
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    place = choose_place(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if size > 1:
        _join("nccl" if place.type == "cuda" else "gloo", rank, size)
    try:
        yield World(rank, size, place)
    except BaseException as error:
        if size > 1:
            _end_without_unwinding(error)
        raise
    if size > 1:
        dist.destroy_process_group()


_unfinished: list[BaseException] = []


def _end_without_unwinding(error: BaseException) -> None:
    """Keeps all that `error` left behind, and ends the program without taking it down.

    An exchange may still be under way. Whoever takes its group down waits for gloo's thread, holding Python's lock, for
    which that thread waits to give back a tensor: the process would stay for good, its other threads with it.
    """
    _unfinished.append(error)  # its traceback holds the frames, and they the group
    interrupted = 130 if isinstance(error, KeyboardInterrupt) else 1
    atexit.register(_end, error.exit_code if isinstance(error, SpeakerSSLError) else interrupted)


def _end(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _join(backend: str, rank: int, size: int) -> None:
    """Joins the group of this start. torchrun keeps one store for all starts of a run on one machine: a process that
    finds there where those of the start before listened waits for them in vain. Several machines count restarts each
    for itself; with TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 (torch) every start has a store of its own.
    """
    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if restart == "0" or os.environ.get("LOCAL_WORLD_SIZE") != str(size):
        dist.init_process_group(backend)
        return
    store, rank, size = next(rendezvous("env://", rank, size))
    dist.init_process_group(backend, store=PrefixStore(f"restart-{restart}", store), rank=rank, world_size=size)
