"""The executor that was chosen, and the one function that maps over items on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from speakerssl.errors import InputError, unknown_name
from speakerssl.executors.share import Share

EXECUTORS = ("local", "slurm", "ray")


class Executor(Protocol):
    """What an engine gives. Made from its options; raises InputError where these or the engine are not there."""

    def run(self, shares: Sequence[Share]) -> list[list[Any]]:
        """The results of all shares, in their order.

        Raises what a share raises, and JobError for one whose job died `share.TRIES` times.
        """
        ...

    def close(self) -> None:
        """Leaves nothing of ours on the engine."""
        ...


_chosen: Executor | None = None


@contextmanager
def on_executor(name: str, options: Mapping[str, str] | None = None) -> Iterator[None]:
    """Inside the block work runs on the executor `name`.

    Args:
        options: what the engine is told, see `slurm.Slurm` and `ray_cluster.RayCluster`.

    Raises:
        InputError: an unknown executor, a missing library, a wrong option, or an engine that is not there.
    """
    global _chosen
    executor = _make(name, dict(options or {}))
    before, _chosen = _chosen, executor
    try:
        yield
    finally:
        _chosen = before
        if executor is not None:
            executor.close()


def elsewhere() -> bool:
    """Whether work is to run on another executor than `local`."""
    return _chosen is not None


def map_elsewhere(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    jobs: int,
    initializer: Callable[..., None],
    initargs: tuple[Any, ...],
) -> Iterator[Any]:
    """As `processes.map_processes`, in `jobs` jobs of the executor that was chosen. Raises as `Executor.run`."""
    assert _chosen is not None
    count = min(jobs, len(items))
    if not count:
        return
    results = _chosen.run([Share(function, items[begin::count], initializer, initargs) for begin in range(count)])
    for number in range(len(items)):
        yield results[number % count][number // count]


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
