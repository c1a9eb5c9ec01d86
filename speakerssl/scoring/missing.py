"""What lacks an embedding: named with the line that asks for it, or left out and listed in a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.io import write_text
from speakerssl.scoring.enrolment import without_missing
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.trials.id_differences import explain_mismatch
from speakerssl.trials.text_table import TextTable
from speakerssl.trials.trial_list import Trials


@dataclass(frozen=True)
class CompleteTrials:
    """Trials that can be scored, their inputs, and what was left out for want of an embedding.

    `pairs` are trials, `recordings` those of enrolment models; `known` says which of the list's trials are left (None:
    all of them).
    """

    trials: Trials
    inputs: ScoringInputs
    pairs: list[tuple[str, str]] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    known: np.ndarray | None = None


def drop_missing(trials: Trials, inputs: ScoringInputs) -> CompleteTrials:
    """Leaves out the trials, and the recordings of enrolment models, that have no embedding.

    Raises InputError where nothing is left.
    """
    recordings: list[str] = []
    names = inputs.enrol_side.ids
    if inputs.models is not None:
        models, recordings = without_missing(inputs.models, inputs.enrol_side)
        inputs, names = replace(inputs, models=models), models.ids
    known = known_trials(trials, inputs.test, names)
    pairs = [trials.pair(row) for row in np.flatnonzero(~known).tolist()]
    if pairs:
        trials = trials.select(known).compact()
    return CompleteTrials(trials, inputs, pairs, recordings, known)


def known_trials(trials: Trials, embeddings: Embeddings, enrol_ids: list[str]) -> np.ndarray:
    """Which trials (bool [T]) have their enrolment among `enrol_ids` and their test in `embeddings`.

    Raises InputError where none has.
    """
    models = set(enrol_ids)
    known_enrol = np.fromiter((name in models for name in trials.enrol_ids), np.bool_, len(trials.enrol_ids))
    known_test = np.fromiter((name in embeddings.rows for name in trials.test_ids), np.bool_, len(trials.test_ids))
    known: np.ndarray = known_enrol[trials.enrol_index] & known_test[trials.test_index]
    if not known.any():
        if not known_enrol.any():
            raise _none_known(trials, embeddings, trials.enrol_ids, enrol_ids)
        raise _none_known(trials, embeddings, trials.test_ids, embeddings.ids)
    return known


def _none_known(trials: Trials, embeddings: Embeddings, asked: list[str], there: list[str]) -> InputError:
    """The error of a list and embeddings that share no id: one of each, and what would make them meet."""
    reason = explain_mismatch(asked, there)
    return InputError(f"{embeddings.path}: has embeddings for none of the trials of {trials.path}: {reason}")


def look_up(trials: Trials, embeddings: Embeddings, ids: list[str]) -> np.ndarray:
    """The rows of `ids` [N]. Raises InputError that names the first unknown id and the line that asks for it."""
    try:
        return embeddings.index(ids)
    except InputError as error:
        if not any(name in embeddings.rows for name in ids):
            raise _none_known(trials, embeddings, ids, embeddings.ids) from None
        unknown = next(name for name in ids if name not in embeddings.rows)
        where = asked_for(trials, unknown)
        raise InputError(f"{error}, which {where} asks for; --skip-missing leaves such trials out") from None


def asked_for(trials: Trials, name: str) -> str:
    """`list:line` of the first trial that names `name`, the list alone where no line of it does."""
    named = np.zeros(len(trials), np.bool_)
    for ids, index in ((trials.enrol_ids, trials.enrol_index), (trials.test_ids, trials.test_index)):
        if name in ids:
            named |= index == ids.index(name)
    if not named.any() or not Path(trials.path).is_file():
        return trials.path or "the list"
    return f"{trials.path}:{TextTable(trials.path).line(int(np.flatnonzero(named)[0]))}"


def write_skipped(output: str | Path, pairs: Sequence[tuple[str, str]], recordings: Sequence[str] = ()) -> str | None:
    """Lists left-out trials (`enrol test`) and recordings of models in OUTPUT.skipped; its path, None without any."""
    lines = [f"{enrol} {test}" for enrol, test in pairs] + list(recordings)
    if not lines:
        return None
    path = f"{output}.skipped"
    write_text(path, "\n".join(lines) + "\n")
    return path
