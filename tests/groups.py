"""A group of processes on this machine, for tests of what several do together."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn


def results_of(work: Callable[..., Any], processes: int, *args: Any) -> list[Any]:
    """What `work(rank, *args)` returns in each of `processes` new processes that form one gloo group, by rank."""
    with tempfile.TemporaryDirectory() as folder:
        spawn(_work, args=(work, processes, folder, args), nprocs=processes)
        return [torch.load(Path(folder, f"{rank}.pt"), weights_only=False) for rank in range(processes)]


def _work(rank: int, work: Callable[..., Any], processes: int, folder: str, args: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    # They meet at a file: a port that was free may be taken by the time they ask for it.
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=processes)
    try:
        torch.save(work(rank, *args), Path(folder, f"{rank}.pt"))
    finally:
        dist.destroy_process_group()
