"""Work spread over processes that die with their parent, and whose errors reach the person as they are."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from speakerssl.errors import InputError, JobError
from speakerssl.executors import elsewhere, map_elsewhere

T = TypeVar("T")
R = TypeVar("R")


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_jobs(jobs: int | None) -> int:
    """The number of processes that `jobs` asks for; 0 or None is one a core. Raises InputError below 0."""
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs is {jobs}; it must be 1 or more, or 0 for one a core")
    return jobs or count_cores()


def map_processes(
    function: Callable[[T], R],
    items: Sequence[T],
    jobs: int,
    initializer: Callable[..., None],
    initargs: tuple[Any, ...] = (),
    start: str = "fork",
    chunksize: int = 1,
) -> Iterator[R]:
    """The results of `function` over `items` in order, from `jobs` processes that ran `initializer(*initargs)` first.

    On another executor than `local` (see `executors.py`) they are its jobs.

    Args:
        start: `fork`, or `spawn` where the parent has used torch (its threads can hang in a forked process).
        chunksize: items that travel together.

    Raises:
        JobError: a process died, mostly for want of memory. What the function or the initializer raises comes as it is.
    """
    if elsewhere():
        yield from map_elsewhere(function, items, jobs, initializer, initargs)
        return
    context = multiprocessing.get_context(start)
    wrapped = (initializer, initargs)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_initialize, initargs=wrapped) as pool:
        try:
            yield from pool.map(_Call(function), items, chunksize=chunksize)
        except BrokenProcessPool:
            raise JobError(
                "a process died (out of memory?); run again with fewer --jobs, it goes on where it stopped"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_error: BaseException | None = None


def _initialize(initializer: Callable[..., None], initargs: tuple[Any, ...]) -> None:
    """An initializer that raises would break the pool without a word; its error is kept for the first item instead."""
    global _error
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        initializer(*initargs)
    except Exception as error:
        _error = error


class _Call:
    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, item: Any) -> Any:
        if _error is not None:
            raise _error
        return self.function(item)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
