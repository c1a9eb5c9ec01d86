"""numba's `njit`, with a start that does not load scipy.

At its first compilation numba imports scipy.linalg for nothing but to know whether it is there, which is a sixth of
the time of scoring half a million trials. Here it is told.
"""

import sys
from importlib.util import find_spec

from numba import njit

__all__ = ["njit"]

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
