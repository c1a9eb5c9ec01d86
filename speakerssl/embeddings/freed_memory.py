"""Memory that was freed goes back to the system: long recordings are computed in pieces so as to need little."""

import ctypes
import functools
from collections.abc import Callable


def give_back_freed_memory() -> None:
    """Returns the heap's free pages to the system, where the C library is glibc; does nothing elsewhere.

    Without it the heap could grow by 4 MB for each minute of a recording, 2 GB for 8 hours: glibc 2.36 seldom finds a
    hole for the aligned blocks that torch asks for, and keeps all that it has.
    """
    if (trim := _malloc_trim()) is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # TypeError: Windows, where None is no library
        return None
    return found
