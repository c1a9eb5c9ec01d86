"""Scoring of one or several trial lists with one read of the embeddings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from speakerssl.embeddings.storage import Embeddings, read_embeddings, read_vector
from speakerssl.errors import InputError
from speakerssl.io import write_text
from speakerssl.kernels import run_all
from speakerssl.scoring.cosine import cosine_trials, known_trials
from speakerssl.scoring.enrolment import (
    EnrolmentModels,
    average_embeddings,
    average_scores,
    read_enrolment,
    without_missing,
    write_num_utts,
)
from speakerssl.trials.score_writer import write_scores
from speakerssl.trials.trial_list import Trials, read_trials


@dataclass(frozen=True)
class ScoringJob:
    """What `speakerssl score` is asked for; paths as given. `average` is `embeddings` or `scores`."""

    embeddings: str
    trials: list[str]
    outputs: list[str]
    enrol_embeddings: str | None = None
    enrol_models: str | None = None
    average: str = "embeddings"
    mean_vector: str | None = None
    skip_missing: bool = False


@dataclass(frozen=True)
class ScoredList:
    """One list done: its trials and scores (without the skipped ones) and the files that were written."""

    trials: Trials
    scores: np.ndarray
    output: str
    skipped: int = 0
    skipped_file: str | None = None
    num_utts_file: str | None = None


@dataclass(frozen=True)
class Material:
    """The embeddings of a job, read once: of the test side, of the enrolment side and the models, where they differ."""

    test: Embeddings
    enrol: Embeddings
    models: EnrolmentModels | None = None
    left_out: list[str] = field(default_factory=list)


def score_lists(job: ScoringJob) -> list[ScoredList]:
    """Cosine scores of every list, each written whole as soon as it is done.

    Raises InputError for anything wrong with a file, before the first list is written where it can be known then.
    """
    tasks: list[Callable[[], object]] = [lambda: read_material(job)]
    tasks += [partial(read_trials, path) for path in job.trials]
    results = run_all(tasks)
    material, lists = cast(Material, results[0]), cast(list[Trials], results[1:])
    return [_score(job, material, trials, output) for trials, output in zip(lists, job.outputs)]


def read_material(job: ScoringJob) -> Material:
    """Reads the embeddings, subtracts the mean and averages the models of `job`."""
    test = read_embeddings(job.embeddings)
    enrol = read_embeddings(job.enrol_embeddings) if job.enrol_embeddings else test
    if job.mean_vector:
        mean = read_vector(job.mean_vector)
        if len(mean) != test.dim:
            raise InputError(f"{job.mean_vector}: {len(mean)} numbers, the embeddings have {test.dim}")
        centred = Embeddings(test.ids, test.matrix - mean, test.path)
        enrol = centred if enrol is test else Embeddings(enrol.ids, enrol.matrix - mean, enrol.path)
        test = centred
    if job.enrol_models is None:
        return Material(test, enrol)
    models = read_enrolment(job.enrol_models)
    left_out: list[str] = []
    if job.skip_missing:
        models, left_out = without_missing(models, enrol)
    if job.average == "embeddings":
        enrol = average_embeddings(models, enrol)
    return Material(test, enrol, models, left_out)


def _score(job: ScoringJob, material: Material, trials: Trials, output: str) -> ScoredList:
    by_scores = material.models is not None and job.average == "scores"
    skipped, skipped_file = 0, None
    if job.skip_missing:
        names = material.models.ids if by_scores and material.models else material.enrol.ids
        known = known_trials(trials, material.test, names)
        skipped = int(np.count_nonzero(~known))
        if skipped or material.left_out:
            skipped_file = f"{output}.skipped"
            pairs = [" ".join(trials.pair(row)) for row in np.flatnonzero(~known).tolist()]
            write_text(skipped_file, "\n".join([*pairs, *material.left_out]) + "\n")
            trials = trials.select(known).compact()
    if by_scores and material.models:
        scores = average_scores(trials, material.models, material.test, material.enrol)
    else:
        scores = cosine_trials(trials, material.test, material.enrol)
    write_scores(output, trials, scores)
    if material.models is None:
        return ScoredList(trials, scores, output, skipped, skipped_file)
    write_num_utts(f"{output}.num_utts", material.models)
    return ScoredList(trials, scores, output, skipped, skipped_file, f"{output}.num_utts")


def output_paths(trials: list[str], outputs: list[str]) -> list[str]:
    """One score file a list: `outputs` as they are, or inside the one directory that they name.

    Raises InputError where neither fits, or two lists would get one file.
    """
    if len(outputs) == len(trials) and not (len(outputs) == 1 and Path(outputs[0]).is_dir()):
        paths = outputs
    elif len(outputs) == 1:
        paths = [str(Path(outputs[0]) / f"{_stem(path)}.scores") for path in trials]
    else:
        raise InputError(f"{len(outputs)} outputs for {len(trials)} trial lists; give one each, or one directory")
    if len(set(paths)) != len(paths):
        raise InputError("two trial lists would be written to one score file; give one --output for each list")
    return paths


def _stem(path: str) -> str:
    name = Path(path).name
    for suffix in (".gz", ".txt"):
        name = name.removesuffix(suffix)
    return name
