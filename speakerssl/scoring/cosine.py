"""Cosine scores of a trial list: two gathers and a dot product a trial, in parallel, with no copy of the embeddings."""

from collections.abc import Collection

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.kernels import njit, run_all, run_blocks
from speakerssl.trials.score_writer import round_scores
from speakerssl.trials.trial_list import Trials


def cosine_pairs(enrol: np.ndarray, test: np.ndarray, enrol_rows: np.ndarray, test_rows: np.ndarray) -> np.ndarray:
    """Cosines float64 [N] of rows of `enrol` [E, D] with rows of `test` [T, D], both float32.

    The products are summed in float32 over 32 partial sums a row (error about 1e-7) and divided by norms summed in
    float64. A vector of zeros gives NaN. Values are rounded to the nine decimals that score files hold.
    """
    enrol = np.ascontiguousarray(enrol, np.float32)
    test = enrol if test is enrol else np.ascontiguousarray(test, np.float32)
    scale = _inverse_norms(enrol)
    test_scale = scale if test is enrol else _inverse_norms(test)
    out = np.empty(len(enrol_rows))
    rows = np.asarray(enrol_rows, np.int64), np.asarray(test_rows, np.int64)
    run_blocks(lambda b, e: _dots(enrol, test, *rows, scale, test_scale, out, b, e), len(out))
    return round_scores(out)


def cosine_trials(trials: Trials, embeddings: Embeddings, enrol: Embeddings | None = None) -> np.ndarray:
    """Cosine score of every trial, float64 [N]; the enrolment side is looked up in `enrol` where it is given.

    Raises InputError for an id without an embedding, embeddings of two sizes, or an embedding that is all zeros.
    """
    models = enrol or embeddings
    if models.dim != embeddings.dim:
        raise InputError(
            f"{models.path}: embeddings of {models.dim} numbers, but {embeddings.dim} in {embeddings.path}"
        )
    enrol_rows, test_rows = trial_rows(trials, embeddings, models)
    scores = cosine_pairs(models.matrix, embeddings.matrix, enrol_rows, test_rows)
    if not np.isfinite(scores).all():
        pair = trials.pair(int(np.flatnonzero(~np.isfinite(scores))[0]))
        raise InputError(f"{embeddings.path}: the embedding of '{pair[0]}' or '{pair[1]}' is all zeros")
    return scores


def trial_rows(trials: Trials, embeddings: Embeddings, enrol: Embeddings) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each trial's two embeddings. Raises InputError that names the first unknown id and the list."""
    try:
        one, other = run_all([lambda: enrol.index(trials.enrol_ids), lambda: embeddings.index(trials.test_ids)])
    except InputError as error:
        raise InputError(f"{error}, which {trials.path} asks for; --skip-missing leaves such trials out") from None
    return one[trials.enrol_index], other[trials.test_index]


def known_trials(trials: Trials, embeddings: Embeddings, enrol_ids: Collection[str]) -> np.ndarray:
    """Which trials (bool [N]) have an embedding on both sides; InputError where none has."""
    models = set(enrol_ids)
    known_enrol = np.fromiter((name in models for name in trials.enrol_ids), np.bool_, len(trials.enrol_ids))
    known_test = np.fromiter((name in embeddings.rows for name in trials.test_ids), np.bool_, len(trials.test_ids))
    known: np.ndarray = known_enrol[trials.enrol_index] & known_test[trials.test_index]
    if not known.any():
        raise InputError(f"{embeddings.path}: has embeddings for none of the trials of {trials.path}")
    return known


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Length-normalized copy of float32 rows [N, D]; rows of zeros stay zeros."""
    with np.errstate(invalid="ignore"):
        scale = _inverse_norms(np.ascontiguousarray(matrix, np.float32))
    return (matrix * np.where(np.isfinite(scale), scale, 0)[:, None]).astype(np.float32)


def _inverse_norms(matrix: np.ndarray) -> np.ndarray:
    out = np.empty(len(matrix))
    run_blocks(lambda b, e: _fill_inverse_norms(matrix, out, b, e), len(out))
    return out


@njit(fastmath={"reassoc", "contract"}, error_model="numpy")
def _fill_inverse_norms(matrix: np.ndarray, out: np.ndarray, begin: int, end: int) -> None:
    for row in range(begin, end):
        total = 0.0
        for i in range(matrix.shape[1]):
            total += np.float64(matrix[row, i]) * np.float64(matrix[row, i])
        out[row] = 1.0 / np.sqrt(total) if total > 0.0 else np.nan


@njit(fastmath={"reassoc", "contract"})
def _dots(
    enrol: np.ndarray, test: np.ndarray, enrol_rows: np.ndarray, test_rows: np.ndarray,
    enrol_scale: np.ndarray, test_scale: np.ndarray, out: np.ndarray, begin: int, end: int,
) -> None:  # fmt: skip
    for trial in range(begin, end):
        one, other = enrol_rows[trial], test_rows[trial]
        # Re-association lets the compiler keep many partial sums: faster and more exact than one running sum.
        total = np.float32(0.0)
        for i in range(enrol.shape[1]):
            total += enrol[one, i] * test[other, i]
        out[trial] = total * (enrol_scale[one] * test_scale[other])
