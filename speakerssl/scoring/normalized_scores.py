"""Normalized scores of a trial list: the one path to scores, and statistics against a cohort beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.scoring.backend import Backend, load_backend
from speakerssl.scoring.cohort import speaker_cohort
from speakerssl.scoring.cohort_statistics import trial_statistics
from speakerssl.scoring.normalization import BLOCK_MEMORY, CohortStatistics, normalize_scores
from speakerssl.scoring.projection import apply_chain
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.scoring.trial_projection import project_trials
from speakerssl.trials.score_writer import round_scores
from speakerssl.trials.trial_list import Trials, read_trials


@dataclass(frozen=True)
class Normalization:
    """How scores are normalized: `method` of METHODS ("z", "t", "s", "as") and the `top` cohort scores of "as"."""

    method: str = "as"
    top: int = 300
    block_memory: float = BLOCK_MEMORY


@dataclass(frozen=True)
class SideStatistics:
    """Cohort statistics of one side's recordings `ids`, None where they are not needed, and each trial's row [T]."""

    ids: list[str]
    statistics: CohortStatistics | None
    rows: np.ndarray

    def of_trials(self) -> CohortStatistics | None:
        """The statistics of each trial's recording [T]."""
        return None if self.statistics is None else self.statistics.select(self.rows)


def normalize(
    trials: Trials | str | Path,
    embeddings: Embeddings | str | Path,
    cohort: Embeddings | str | Path,
    backend: Backend | str | Path | None = None,
    *,
    cohort_speakers: Sequence[str] | np.ndarray | None = None,
    method: str = "as",
    top: int = 300,
) -> np.ndarray:
    """Scores of every trial normalized with a cohort, float64 [T]: what `speakerssl norm` writes.

    Args:
        trials: a trial list (see `read_trials`), read or as a path.
        embeddings: embeddings of its recordings (see `read_embeddings`), read or as a path.
        cohort: embeddings of C other recordings, the impostors.
        backend: a chain and a scorer (see `load_backend`); None is cosine.
        cohort_speakers: the speakers [C] of the cohort's recordings: each speaker's mean is one impostor then.
        method: "z", "t", "s" or "as" (see `normalize_scores`).
        top: the highest cohort scores that "as" keeps.

    Raises:
        InputError: as `score` does, and for a cohort that is too small.
    """
    listed = trials if isinstance(trials, Trials) else read_trials(trials)
    tested, impostors = (
        given if isinstance(given, Embeddings) else read_embeddings(given) for given in (embeddings, cohort)
    )
    ready = backend if isinstance(backend, Backend) else load_backend(backend) if backend else Backend()
    vectors = apply_chain(ready, impostors)
    if cohort_speakers is not None:
        vectors = speaker_cohort(vectors, np.asarray(cohort_speakers), ready.scorer.unit_length).matrix
    sides, scores = side_statistics(
        listed, ScoringInputs(tested), ready, vectors, Normalization(method, top), None, impostors.path
    )
    return round_scores(normalize_scores(scores, method, *(side.of_trials() for side in sides)))


def side_statistics(
    trials: Trials,
    inputs: ScoringInputs,
    backend: Backend,
    cohort: np.ndarray,
    how: Normalization,
    scores: np.ndarray | None = None,
    where: str = "cohort",
) -> tuple[list[SideStatistics], np.ndarray]:
    """Statistics of both sides against chained `cohort` vectors [C, D'], and raw scores [T] (`scores` where given)."""
    vectors = project_trials(trials, inputs, backend)
    scorer = backend.scorer
    projected = scorer.project(cohort)
    raw = scorer.compare_pairs(vectors) if scores is None else scores
    enrol, test = trial_statistics(vectors, scorer, projected, how.method, how.top, how.block_memory, where)
    sides = [
        SideStatistics(vectors.enrol_ids, enrol, vectors.enrol_rows),
        SideStatistics(vectors.test_ids, test, vectors.test_rows),
    ]
    return sides, raw
