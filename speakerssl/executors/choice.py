"""The executor that was chosen, and the one function that maps over items on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Protocol

from speakerssl.errors import InputError, unknown_name
from speakerssl.executors.share import Share

EXECUTORS = ("local", "slurm", "ray")
DEFAULT_JOBS = 4


class Executor(Protocol):
    """What an engine gives. Made from its options; raises InputError where these or the engine are not there."""

    def run(self, shares: Sequence[Share]) -> Iterator[list[Any]]:
        """Starts all shares at once and yields their results in their order.

        Raises what a share raises, and JobError for one whose job died `share.TRIES` times.
        """
        ...

    def close(self) -> None:
        """Leaves nothing of ours on the engine."""
        ...


_chosen: Executor | None = None
_jobs = 1


@contextmanager
def on_executor(name: str, options: Mapping[str, str] | None = None, jobs: int = DEFAULT_JOBS) -> Iterator[None]:
    """Inside the block work runs on the executor `name`.

    Args:
        jobs: of those maps whose callers name no number.
        options: what the engine is told, see `slurm.Slurm` and `ray_cluster.RayCluster`.

    Raises:
        InputError: an unknown executor, a missing library, a wrong option, or an engine that is not there.
    """
    global _chosen, _jobs
    executor = _make(name, dict(options or {}))
    before = _chosen, _jobs
    _chosen, _jobs = executor, jobs
    try:
        yield
    finally:
        _chosen, _jobs = before
        if executor is not None:
            executor.close()


def _nothing() -> None:
    """The initializer of maps that need none."""


def elsewhere() -> bool:
    """Whether work is to run on another executor than `local`."""
    return _chosen is not None


def map_elsewhere(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    jobs: int | None = None,
    initializer: Callable[..., None] = _nothing,
    initargs: tuple[Any, ...] = (),
    consecutive: bool = False,
) -> Iterator[Any]:
    """As `processes.map_processes`, in `jobs` jobs of the executor that was chosen. Raises as `Executor.run`.

    Args:
        jobs: None for the number that was chosen with the executor.
        consecutive: each job takes items that follow each other, and only one job's results are in memory. Otherwise
            each takes every `jobs`-th, which shares out items that are sorted by their size.
    """
    assert _chosen is not None
    count = min(jobs or _jobs, len(items))
    if consecutive:
        edges = [len(items) * number // count for number in range(count + 1)] if count else [0]
        parts = [items[begin:end] for begin, end in pairwise(edges)]
    else:
        parts = [items[begin::count] for begin in range(count)]
    results = _chosen.run([Share(function, part, initializer, initargs) for part in parts])
    if consecutive:
        for part in results:
            yield from part
        return
    whole = list(results)
    for number in range(len(items)):
        yield whole[number % count][number // count]


def _make(name: str, options: dict[str, str]) -> Executor | None:
    if name == "slurm":
        from speakerssl.executors.slurm import Slurm

        return Slurm(options)
    if name == "ray":
        from speakerssl.executors.ray_cluster import RayCluster

        return RayCluster(options)
    if name != "local":
        raise unknown_name("executor", name, EXECUTORS)
    if options:
        raise InputError("--executor local takes no --executor-option")
    return None
