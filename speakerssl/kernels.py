"""What the numba kernels of trials, scoring and metrics share: `njit` with a quick start, and plain threads.

At its first compilation numba imports scipy.linalg for nothing but to know whether it is there, which is a sixth of
the time of scoring half a million trials. Here it is told.

The kernels release the interpreter lock. Plain threads start faster than numba's own parallel loops and give the same
numbers whatever their count, since each piece writes only to its own part of the result.
"""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise
from typing import TypeVar

from numba import njit

__all__ = ["njit", "run_all", "run_blocks", "thread_count"]

T = TypeVar("T")

_ASKED_FOR = "scipy.linalg.cython_blas"


def _start_without_scipy() -> None:
    if _ASKED_FOR in sys.modules or "numba.np.arraymath" in sys.modules:
        return
    # None makes the import fail at once; numba then notes that there is no BLAS, which is put right below.
    sys.modules[_ASKED_FOR] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath as arraymath
    finally:
        del sys.modules[_ASKED_FOR]
    if hasattr(arraymath, "_HAVE_BLAS"):
        arraymath._HAVE_BLAS = find_spec("scipy") is not None


_start_without_scipy()


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
