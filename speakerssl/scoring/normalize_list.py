"""Normalization of one trial list from files to a file: what `speakerssl norm` does."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speakerssl.errors import InputError, unknown_name
from speakerssl.io import check_file, write_text
from speakerssl.scoring.backend_file import BackendFile
from speakerssl.scoring.cohort_files import CohortFiles, read_cohort
from speakerssl.scoring.cohort_statistics import file_statistics
from speakerssl.scoring.missing import CompleteTrials, drop_missing, write_skipped
from speakerssl.scoring.normalization import METHODS, normalize_scores
from speakerssl.scoring.normalized_scores import Normalization, SideStatistics, side_statistics
from speakerssl.scoring.scoring_inputs import InputFiles, read_inputs
from speakerssl.trials.id_differences import strip_suffixes
from speakerssl.trials.score_file import Scores, join, read_scores, round_scores, strip_score_suffixes, write_scores
from speakerssl.trials.trial_list import Trials, read_trials


@dataclass(frozen=True)
class NormalizationJob:
    """What `speakerssl norm` is asked for.

    Scores are made from `files` under `backend`, or read from `scores`; the cohort is one of embeddings (`cohort`), or
    scores that any system gave the trials' recordings against it. Without `trials` the pairs of `scores` are the list.
    """

    output: str
    how: Normalization = field(default_factory=Normalization)
    trials: str | None = None
    scores: str | None = None
    files: InputFiles | None = None
    backend: BackendFile = field(default_factory=BackendFile)
    cohort: CohortFiles | None = None
    enrol_cohort_scores: str | None = None
    test_cohort_scores: str | None = None
    cohort_means: str | None = None
    skip_missing: bool = False
    strip_suffix: Sequence[str] = ()


@dataclass(frozen=True)
class NormalizedList:
    """The normalized scores of `trials`, the size of the cohort where it is known, and what was left out."""

    trials: Trials
    scores: np.ndarray
    cohort: int | None
    pairs: list[tuple[str, str]]
    recordings: list[str]
    skipped_file: str | None
    remarks: list[str]


@dataclass(frozen=True)
class _Prepared:
    """Raw scores of trials [T] and the cohort statistics of both sides."""

    trials: Trials
    scores: np.ndarray
    sides: list[SideStatistics]
    pairs: list[tuple[str, str]]
    recordings: list[str] = field(default_factory=list)
    cohort: int | None = None
    remarks: list[str] = field(default_factory=list)


def normalize_list(job: NormalizationJob) -> NormalizedList:
    """Normalizes and writes the score file, OUTPUT.skipped where something was left out, and the cohort means.

    Raises InputError for a file that is wrong, or options that do not go together.
    """
    if job.how.method not in METHODS:
        raise unknown_name("normalization", job.how.method, METHODS)
    from_files = bool(job.enrol_cohort_scores or job.test_cohort_scores)
    if from_files == (job.cohort is not None):
        raise InputError("the cohort is --cohort EMBEDDINGS, or --enrol-cohort-scores and --test-cohort-scores")
    check_file(job.output)
    ready = _from_files(job) if from_files else _from_embeddings(job)
    raw = normalize_scores(ready.scores, job.how.method, *(side.of_trials() for side in ready.sides))
    scores = round_scores(raw)
    write_scores(job.output, ready.trials, scores)
    if job.cohort_means:
        _write_means(job.cohort_means, ready.sides)
    skipped_file = write_skipped(job.output, ready.pairs, ready.recordings)
    return NormalizedList(
        ready.trials, scores, ready.cohort, ready.pairs, ready.recordings, skipped_file, ready.remarks
    )


def _listed(job: NormalizationJob) -> tuple[Trials, np.ndarray | None, list[tuple[str, str]]]:
    """The trials, their scores where a file gives them, and the pairs that it lacks."""
    suffixes = job.strip_suffix
    listed = strip_suffixes(read_trials(job.trials), suffixes) if job.trials else None
    if not job.scores:
        if listed is None:
            raise InputError("give --trials, or --scores whose pairs are the trials")
        return listed, None, []
    scores = strip_score_suffixes(read_scores(job.scores), suffixes)
    if listed is not None:
        joined = join(scores, listed, job.skip_missing)
        return joined.trials.compact(), joined.scores, joined.skipped
    if scores.trials is None:
        raise InputError(f"{job.scores}: has no ids; name the trial list with --trials")
    return scores.trials, scores.values, []


def _from_files(job: NormalizationJob) -> _Prepared:
    trials, scores, pairs = _listed(job)
    if scores is None:
        raise InputError("cohort score files go with --scores, the raw scores of the same system")
    top = job.how.top if job.how.method == "as" else None
    sides = []
    for path, ids, rows, unused in (
        (job.enrol_cohort_scores, trials.enrol_ids, trials.enrol_index, "t"),
        (job.test_cohort_scores, trials.test_ids, trials.test_index, "z"),
    ):
        found = file_statistics(_cohort_scores(path, job), ids, top) if path and job.how.method != unused else None
        sides.append(SideStatistics(ids, found, rows))
    return _Prepared(trials, scores, sides, pairs)


def _cohort_scores(path: str, job: NormalizationJob) -> Scores:
    return strip_score_suffixes(read_scores(path), job.strip_suffix)


def _from_embeddings(job: NormalizationJob) -> _Prepared:
    if job.files is None or job.cohort is None:
        raise InputError("give --embeddings of the trials, to be compared with the cohort")
    backend = job.backend.load()
    listed, scores, unscored = _listed(job)
    inputs = read_inputs(replace(job.files, strip_suffix=job.strip_suffix))
    kept = drop_missing(listed, inputs) if job.skip_missing else CompleteTrials(listed, inputs)
    if scores is not None and kept.known is not None:
        scores = scores[kept.known]
    backend = job.backend.centred(backend, kept.trials, kept.inputs)
    files = replace(job.cohort, skip_missing=job.skip_missing, strip_suffix=job.strip_suffix)
    found = read_cohort(files, backend, inputs.test)
    sides, raw = side_statistics(
        kept.trials, kept.inputs, backend, found.cohort.matrix, job.how, scores, job.cohort.embeddings
    )
    pairs = unscored + kept.pairs
    return _Prepared(kept.trials, raw, sides, pairs, kept.recordings, len(found.cohort), found.remarks)


def _write_means(path: str, sides: list[SideStatistics]) -> None:
    """`recording mean` lines: how high each recording scores against the cohort."""
    means: dict[str, float] = {}
    for side in sides:
        if side.statistics is not None:
            means |= dict(zip(side.ids, side.statistics.mean.tolist()))
    write_text(path, "".join(f"{name} {mean!r}\n" for name, mean in means.items()))
