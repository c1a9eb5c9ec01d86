"""Cohort statistics of a trial list: from embeddings under a back-end, or from score files of any system."""

import numpy as np

from speakerssl.errors import InputError
from speakerssl.scoring.normalization import (
    BLOCK_MEMORY,
    CohortStatistics,
    cohort_statistics,
    require_spread,
    statistics_of_scores,
)
from speakerssl.scoring.scorer import Scorer
from speakerssl.scoring.trial_vectors import TrialVectors
from speakerssl.trials.score_file import Scores


def trial_statistics(
    vectors: TrialVectors,
    scorer: Scorer,
    cohort: np.ndarray,
    method: str,
    top: int | None = None,
    block_memory: float = BLOCK_MEMORY,
    where: str = "cohort",
) -> tuple[CohortStatistics | None, CohortStatistics | None]:
    """Statistics of every enrolment [E] and test [N] of `vectors` against projected `cohort` vectors [C, D].

    A side that `method` does not use is None. Where both sides are rows of one array, each distinct
    recording is compared with the cohort once. `top` counts for "as" only.
    Raises InputError for a cohort smaller than `top`, or one that gives a recording equal scores only.
    """
    top = top if method == "as" else None
    enrol = test = None
    if method != "t" and not vectors.shared:
        mean, deviation = np.empty(len(vectors.enrol)), np.empty(len(vectors.enrol))
        for count, rows in vectors.by_count():
            model = scorer.compare(vectors.enrol[rows], cohort, count)
            part = cohort_statistics(model, top, block_memory, where)
            mean[rows], deviation[rows] = part.mean, part.deviation
        enrol = CohortStatistics(mean, deviation)
    if method != "z" or vectors.shared:
        model = scorer.compare(cohort, vectors.test).transposed()
        test = cohort_statistics(model, top, block_memory, where)
    if vectors.shared:
        # Cosine and the log-likelihood ratio of two single recordings are symmetric.
        enrol = test
    if enrol is not None:
        require_spread(enrol, vectors.enrol_ids, where)
    if test is not None and test is not enrol:
        require_spread(test, vectors.test_ids, where)
    return enrol, test


def file_statistics(scores: Scores, ids: list[str], top: int | None) -> CohortStatistics:
    """Statistics of the recordings `ids` from a file of `recording cohort score` lines.

    Raises InputError naming a recording that has no or too few scores there, or equal ones only.
    """
    if scores.trials is None:
        raise InputError(f"{scores.path}: cohort scores need ids; expected 'recording cohort score' lines")
    place = dict(zip(ids, range(len(ids))))
    known = np.array([place.get(name, -1) for name in scores.trials.enrol_ids], np.int64)
    rows = known[scores.trials.enrol_index]
    inside = rows >= 0
    result = statistics_of_scores(rows[inside], scores.values[inside], ids, top, scores.path)
    require_spread(result, ids, scores.path)
    return result
