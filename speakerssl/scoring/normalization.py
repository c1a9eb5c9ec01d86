"""Score normalization with a cohort of impostors: Z, T, S and adaptive S.

The statistics of the cohort are computed once for each distinct recording, in blocks of bounded memory,
never for each trial.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.executors import elsewhere, map_elsewhere
from speakerssl.kernels import run_all, thread_count
from speakerssl.scoring.bilinear import Bilinear, row_blocks

METHODS = ("z", "t", "s", "as")
BLOCK_MEMORY = 256.0


@dataclass(frozen=True)
class CohortStatistics:
    """Mean and standard deviation (divided by the number of scores) of N recordings' cohort scores, float64 [N]."""

    mean: np.ndarray
    deviation: np.ndarray

    def select(self, rows: np.ndarray) -> "CohortStatistics":
        """The statistics of the recordings at `rows`."""
        return CohortStatistics(self.mean[rows], self.deviation[rows])


def cohort_statistics(
    model: Bilinear, top: int | None = None, block_memory: float = BLOCK_MEMORY, where: str = "cohort"
) -> CohortStatistics:
    """Statistics of each left recording [N] of `model` against the cohort on its right side [C].

    `top` keeps only that many highest scores of each recording (adaptive normalization). All the blocks
    of scores held at once take at most `block_memory` MiB (or one row a thread, where that is more).
    Raises InputError for a cohort of fewer than `top` recordings, or than two.
    """
    size = len(model.right)
    check_top(size, top, where)
    workers = thread_count()
    # Also no block larger than keeps all threads busy.
    limit = min(block_memory / workers, max(1.0, len(model.left) * size * model.left.itemsize / 2**20 / workers))
    blocks = list(row_blocks(len(model.left), size, limit if block_memory > 0 else 0, model.left.itemsize))
    if elsewhere():
        sides = [(model.left[rows], model.left_bias[rows]) for rows in blocks]
        cohort = model.right, model.right_bias, top
        found = list(map_elsewhere(_of_block, sides, None, _start, cohort, consecutive=True))
    else:
        with single_blas_thread():
            found = run_all([functools.partial(_statistics, model, rows, top) for rows in blocks])
    means, deviations = zip(*found) if found else ([np.empty(0)], [np.empty(0)])
    return CohortStatistics(np.concatenate(means), np.concatenate(deviations))


def _statistics(model: Bilinear, rows: slice, top: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Means and deviations of the left `rows`, float64."""
    size = len(model.right)
    scores = model.block(rows)
    if top is not None and top < size:
        scores.partition(size - top, axis=1)
        scores = scores[:, size - top :]
    mean = scores.mean(axis=1, dtype=np.float64)
    # Centred by hand: ndarray.std in float64 would make a double copy of the whole block.
    scores -= mean[:, None].astype(scores.dtype)
    spread = np.einsum("nc,nc->n", scores, scores) / scores.shape[1]
    return mean, np.sqrt(spread).astype(np.float64)


_worker: dict[str, Any] = {}


def _start(right: np.ndarray, right_bias: np.ndarray, top: int | None) -> None:
    _worker.update(right=right, right_bias=right_bias, top=top)


def _of_block(side: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    model = Bilinear(*side, _worker["right"], _worker["right_bias"])
    with single_blas_thread():
        return _statistics(model, slice(None), _worker["top"])


def statistics_of_scores(
    rows: np.ndarray, scores: np.ndarray, ids: Sequence[str], top: int | None = None, where: str = "cohort"
) -> CohortStatistics:
    """The same from cohort scores made elsewhere: `scores` [M] of the recordings `ids[rows]`, each with its cohort.

    Raises InputError that names the recording with fewer scores than `top` or than two.
    """
    counts = np.bincount(rows, minlength=len(ids))
    least = top if top is not None else 2
    short = np.flatnonzero(counts < least)
    if len(short):
        raise InputError(
            f"{where}: '{ids[short[0]]}' has {counts[short[0]]} cohort scores; {least} are needed"
            + ("; lower --top" if top is not None and counts[short[0]] > 1 else "")
        )
    order = np.lexsort((-scores, rows))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(rows)) - np.repeat(starts, counts)
    keep = order if top is None else order[rank < top]
    kept, index = scores[keep].astype(np.float64), rows[keep]
    total = np.bincount(index, minlength=len(ids))
    mean = np.bincount(index, kept, len(ids)) / total
    spread = np.bincount(index, (kept - mean[index]) ** 2, len(ids)) / total
    return CohortStatistics(mean, np.sqrt(spread))


def normalize_scores(
    scores: np.ndarray,
    method: str,
    enrolment: CohortStatistics | None = None,
    test: CohortStatistics | None = None,
) -> np.ndarray:
    """Normalized `scores` [T], from the statistics of each trial's enrolment and test recording [T].

    "z" standardizes by the enrolment's statistics (Reynolds, 1997), "t" by the test's (Auckenthaler et
    al., 2000), "s" by the mean of both (Kenny, 2010); "as" is "s" with statistics of each side's top
    cohort scores (Cumani et al., 2011; "adaptive S-norm 1" of Matejka et al., 2017).
    """
    if method not in METHODS:
        raise unknown_name("normalization", method, METHODS)
    sides = {"enrolments": enrolment, "tests": test}
    used = {"z": ["enrolments"], "t": ["tests"]}.get(method, list(sides))
    total = np.zeros(len(scores))
    for name in used:
        side = sides[name]
        if side is None:
            raise InputError(f"{method}-norm needs the cohort statistics of the {name}")
        total += (scores - side.mean) / side.deviation
    return total / len(used)


def require_spread(statistics: CohortStatistics, ids: Sequence[str], where: str) -> None:
    """Raises InputError that names the first recording whose cohort scores are all equal."""
    level = np.abs(statistics.mean) * 1e-7
    flat = np.flatnonzero(~(statistics.deviation > level))
    if len(flat):
        raise InputError(
            f"{where}: all cohort scores of '{ids[flat[0]]}' are equal, so they cannot normalize it; "
            "use a larger or more varied cohort"
        )


def check_top(size: int, top: int | None, where: str) -> None:
    """Raises InputError for a cohort of `size` recordings that cannot give `top` scores."""
    if size < 2:
        raise InputError(f"{where}: {size} cohort recording(s); normalization needs two at least")
    if top is not None and top < 2:
        raise InputError(f"--top is {top}; statistics need two cohort scores at least")
    if top is not None and size < top:
        raise InputError(f"{where}: a cohort of {size} is smaller than --top {top}; lower --top or enlarge it")


def single_blas_thread():  # type: ignore[no-untyped-def]
    """A context in which BLAS uses one thread: the blocks are already spread over the cores."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")
