"""What the numba kernels of trials, scoring and metrics share: `njit` with a quick start, and plain threads.

Compiled code is kept beside the package or in the user's cache folder, else in a private temporary folder, else not
at all: a shared, read-only installation works without a home.

At its first compilation numba imports scipy.linalg for nothing but to know whether it is there, which is a sixth of
the time of scoring half a million trials. Here it is told.

The kernels release the interpreter lock. Plain threads start faster than numba's own parallel loops and give the same
numbers whatever their count, since each piece writes only to its own part of the result.
"""

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numba
import numba.extending

__all__ = ["intrinsic", "njit", "run_all", "run_blocks", "thread_count"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

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


def njit(function: F | None = None, **options: Any) -> Any:
    """numba's `njit` that releases the interpreter lock and keeps what it compiled; `options` are numba's."""
    if function is None:
        return lambda decorated: njit(decorated, **options)
    options.setdefault("nogil", True)
    for prepare in (lambda: True, _use_temporary_cache):
        if not prepare():
            break
        try:
            return numba.njit(function, cache=True, **options)
        except RuntimeError as error:  # numba's "cannot cache function: no locator available for file"
            if "cache" not in str(error):
                raise
    return numba.njit(function, **options)


def intrinsic(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function for numba's `intrinsic`: what kernels call without the typing context that it takes first.

    `plain` does the same in Python. It takes the place where nothing is compiled (NUMBA_DISABLE_JIT).
    """
    compiled = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]  # numba sets it as it is imported
    return numba.extending.intrinsic if compiled else lambda function: plain


_temporary_cache: list[Path | None] = []


def _use_temporary_cache() -> bool:
    """Points numba to a folder of this user's alone; says so when it is made, or that there is none."""
    if not _temporary_cache:
        folder = Path(tempfile.gettempdir()) / f"speakerssl-{os.geteuid()}"
        made, private = _private_folder(folder)
        _temporary_cache.append(folder if private else None)
        if not private:
            _remark("compiled code cannot be kept anywhere, so each start compiles it again")
        elif made:
            _remark(f"neither the package's folder nor a home can be written; compiled code is kept in {folder}")
    if _temporary_cache[0] is None:
        return False
    numba.config.CACHE_DIR = str(_temporary_cache[0])  # type: ignore[attr-defined]
    return True


def _private_folder(folder: Path) -> tuple[bool, bool]:
    """Whether `folder` was made now, and whether it is ours alone: code is loaded from it."""
    made = False
    try:
        try:
            folder.mkdir(mode=0o700)
            made = True
        except FileExistsError:
            pass
        found = folder.lstat()
    except OSError:
        return False, False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return made, ours and os.access(folder, os.W_OK)


def _remark(text: str) -> None:
    print(f"speakerssl: {text}; NUMBA_CACHE_DIR names a folder for it", file=sys.stderr)


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
