"""Cosine, the default scorer: two gathers and a dot product a trial, in parallel, with no copy of the embeddings."""

from collections.abc import Mapping

import numpy as np

from speakerssl.errors import InputError
from speakerssl.kernels import njit, run_blocks
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.bilinear import Bilinear, sum_groups
from speakerssl.scoring.scorer import Scorer
from speakerssl.scoring.trial_vectors import TrialVectors
from speakerssl.trials.score_writer import round_scores


class CosineScorer(Scorer):
    """The cosine of two vectors. A model of several recordings is the mean of their unit-length vectors."""

    name = "cosine"
    meaning = "cosine"
    unit_length = True
    projects = False

    @classmethod
    def train(cls, vectors: np.ndarray, speakers: np.ndarray | None, options: BackendOptions) -> "CosineScorer":
        """There is nothing to train."""
        return cls()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "CosineScorer":
        return cls()

    def tensors(self) -> dict[str, np.ndarray]:
        """None: a back-end's file without the arrays of a scorer is of this one."""
        return {}

    def __str__(self) -> str:
        return "cosine"

    def check_dim(self, dim: int) -> None:
        """Vectors of any size have a cosine."""

    def project(self, vectors: np.ndarray, counts: np.ndarray | int = 1) -> np.ndarray:
        return vectors

    def compare(self, enrolment: np.ndarray, test: np.ndarray, count: int = 1) -> Bilinear:
        """Cosines in float32 of the rows of `enrolment` [E, D] and `test` [N, D]; rows of zeros give 0."""
        if enrolment.shape[1] != test.shape[1]:
            raise InputError(f"embeddings of {enrolment.shape[1]} and of {test.shape[1]} dimensions cannot be compared")
        units = unit_rows(enrolment)
        others = units if test is enrolment else unit_rows(test)
        return Bilinear(units, np.zeros(len(units), np.float32), others, np.zeros(len(others), np.float32))

    def compare_pairs(self, vectors: TrialVectors) -> np.ndarray:
        return self.compare(vectors.enrol, vectors.test).pairs(vectors.enrol_rows, vectors.test_rows)

    def score_pairs(self, vectors: TrialVectors) -> np.ndarray:
        """Cosines [T]. Embeddings as they are stored take `cosine_pairs`; a chain's float64 rows keep their digits."""
        if vectors.test.dtype != np.float32:
            return self.compare_pairs(vectors)
        return cosine_pairs(vectors.enrol, vectors.test, vectors.enrol_rows, vectors.test_rows)

    def average(self, vectors: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return unit_rows(sum_groups(unit_rows(vectors), counts).astype(np.float32))

    def average_score_pairs(self, recordings: TrialVectors, counts: np.ndarray) -> np.ndarray:
        # A mean of cosines is a dot product with the mean of the unit vectors: no need for every single score.
        means = sum_groups(unit_rows(recordings.enrol), counts) / counts[:, None]
        lengths = np.linalg.norm(means, axis=1)[recordings.enrol_rows]
        directions = cosine_pairs(
            means.astype(np.float32), recordings.test, recordings.enrol_rows, recordings.test_rows
        )
        return np.where(lengths > 0, directions * lengths, 0.0)


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


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """The rows of `matrix` [N, D] at unit length, in float32; rows of zeros stay zeros."""
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
