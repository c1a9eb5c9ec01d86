"""Work shared among threads: the numba kernels of scoring and metrics release the interpreter lock.

Plain threads start faster than numba's own parallel loops and give the same numbers whatever their count, since
each piece writes only to its own part of the result.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def thread_count() -> int:
    """Cores that this process may use, or what NUMBA_NUM_THREADS or OMP_NUM_THREADS says."""
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return max(1, int(os.environ[name]))
    return len(os.sched_getaffinity(0))


def run_all(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """The results of `tasks`, in their order; the first error is raised."""
    workers = min(thread_count(), len(tasks))
    if workers <= 1:
        return [task() for task in tasks]
    with ThreadPoolExecutor(workers) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]


def run_blocks(work: Callable[[int, int], object], size: int, smallest: int = 16384) -> None:
    """Calls `work(begin, end)` on pieces that cover `range(size)`, one a thread and none much below `smallest`."""
    pieces = max(1, min(thread_count(), size // smallest))
    edges = [size * piece // pieces for piece in range(pieces + 1)]
    run_all([lambda b=begin, e=end: work(b, e) for begin, end in pairwise(edges)])  # type: ignore[misc]
