"""Scoring of one or several trial lists with one read of the embeddings, and the files that this leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import check_file
from speakerssl.kernels import run_all
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.backend_file import BackendFile
from speakerssl.scoring.enrolment import write_num_utts
from speakerssl.scoring.missing import CompleteTrials, drop_missing, write_skipped
from speakerssl.scoring.scoring_inputs import InputFiles, ScoringInputs, read_inputs
from speakerssl.scoring.trial_scores import score_inputs
from speakerssl.trials.id_differences import strip_suffixes
from speakerssl.trials.score_writer import write_scores
from speakerssl.trials.trial_list import Trials, read_trials


@dataclass(frozen=True)
class ScoringJob:
    """What `speakerssl score` is asked for: the input files, trial lists and one score file for each, the back-end."""

    files: InputFiles
    trials: list[str]
    outputs: list[str]
    backend: BackendFile = field(default_factory=BackendFile)
    skip_missing: bool = False


@dataclass(frozen=True)
class ScoredList:
    """One list done: its trials and scores, what a score is, what was left out, and the files that were written.

    `pairs` are the trials left out for want of an embedding, `recordings` those of enrolment models.
    """

    trials: Trials
    scores: np.ndarray
    output: str
    meaning: str
    pairs: list[tuple[str, str]]
    recordings: list[str]
    skipped_file: str | None = None
    num_utts_file: str | None = None

    @property
    def skipped(self) -> int:
        """Trials left out."""
        return len(self.pairs)


def score_lists(job: ScoringJob) -> list[ScoredList]:
    """Scores of every list, each written whole as soon as it is done.

    Raises InputError for anything wrong with a file, before the first list is written where it can be known then.
    """
    for output in job.outputs:
        check_file(output)
    backend = job.backend.load()
    tasks: list[Callable[[], object]] = [partial(read_inputs, job.files)]
    suffixes = job.files.strip_suffix
    tasks += [partial(_read_list, path, suffixes) for path in job.trials]
    results = run_all(tasks)
    inputs, lists = cast(ScoringInputs, results[0]), cast(list[Trials], results[1:])
    return [_score(job, inputs, backend, trials, output) for trials, output in zip(lists, job.outputs)]


def _read_list(path: str, suffixes: Sequence[str]) -> Trials:
    return strip_suffixes(read_trials(path), suffixes)


def _score(job: ScoringJob, inputs: ScoringInputs, backend: Backend, trials: Trials, output: str) -> ScoredList:
    kept = drop_missing(trials, inputs) if job.skip_missing else CompleteTrials(trials, inputs)
    backend = job.backend.centred(backend, kept.trials, kept.inputs)
    scores = score_inputs(kept.trials, kept.inputs, backend)
    skipped_file = write_skipped(output, kept.pairs, kept.recordings)
    write_scores(output, kept.trials, scores)
    num_utts_file = None
    if kept.inputs.models is not None:
        num_utts_file = f"{output}.num_utts"
        write_num_utts(num_utts_file, kept.inputs.models)
    left_out = kept.pairs, kept.recordings
    return ScoredList(kept.trials, scores, output, backend.scorer.meaning, *left_out, skipped_file, num_utts_file)


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
