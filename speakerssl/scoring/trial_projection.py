"""The vectors that a trial list compares: looked up, chained, projected, averaged for enrolment models.

All that costs is done once for each distinct recording or model of the list.
"""

from functools import partial

import numpy as np

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.kernels import run_all
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.missing import asked_for, look_up
from speakerssl.scoring.projection import apply_chain, project
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.scoring.trial_vectors import TrialVectors
from speakerssl.trials.trial_list import Trials


def project_trials(trials: Trials, inputs: ScoringInputs, backend: Backend, copy: bool = True) -> TrialVectors:
    """The vectors of all that `trials` compare, each distinct recording or model once, in the order of the list.

    Without `copy`, embeddings that `backend` would not change stay where they are, with all others around them.
    Raises InputError for an id without an embedding, embeddings that do not fit the back-end, and vectors of zeros
    where only directions count.
    """
    stay = backend.keeps_embeddings and not copy
    if inputs.models is None and inputs.enrol is None:
        return _one_side(trials, inputs.test, backend, stay)
    test, test_ids, test_rows = _side(trials, trials.test_ids, trials.test_index, inputs.test, backend, stay)
    if inputs.models is not None:
        enrol, counts = _averages(trials, inputs, backend)
        return TrialVectors(enrol, trials.enrol_ids, counts, trials.enrol_index, test, test_ids, test_rows)
    if not backend.scorer.projects:
        enrol, ids, rows = _side(trials, trials.enrol_ids, trials.enrol_index, inputs.enrol_side, backend, stay)
        return TrialVectors(enrol, ids, np.ones(len(ids), np.int64), rows, test, test_ids, test_rows)
    counts = np.array([inputs.num_utts.get(name, 1) for name in trials.enrol_ids], np.int64)
    chained = apply_chain(backend, inputs.enrol_side, look_up(trials, inputs.enrol_side, trials.enrol_ids))
    enrol = backend.scorer.project(chained, counts)
    return TrialVectors(enrol, trials.enrol_ids, counts, trials.enrol_index, test, test_ids, test_rows)


def project_recordings(trials: Trials, inputs: ScoringInputs, backend: Backend) -> tuple[TrialVectors, np.ndarray]:
    """The vectors of the single recordings of all enrolment models that `trials` name, and the models' counts [M].

    `enrol_rows` of the vectors are models: model m has the next `counts[m]` rows of `enrol`.
    """
    ids, counts, rows = _model_recordings(trials, inputs)
    enrol = project(backend, inputs.enrol_side, rows)
    stay = backend.keeps_embeddings
    test, test_ids, test_rows = _side(trials, trials.test_ids, trials.test_index, inputs.test, backend, stay)
    ones = np.ones(len(ids), np.int64)
    return TrialVectors(enrol, ids, ones, trials.enrol_index, test, test_ids, test_rows), counts


def _one_side(trials: Trials, embeddings: Embeddings, backend: Backend, stay: bool) -> TrialVectors:
    """Both sides are recordings of one set: one array serves both."""
    if stay:
        rows = run_all([partial(look_up, trials, embeddings, ids) for ids in (trials.enrol_ids, trials.test_ids)])
        ids, vectors = embeddings.ids, embeddings.matrix
    else:
        ids = list(dict.fromkeys([*trials.enrol_ids, *trials.test_ids]))
        vectors = project(backend, embeddings, look_up(trials, embeddings, ids))
        row = dict(zip(ids, range(len(ids))))
        sides = trials.enrol_ids, trials.test_ids
        rows = [np.fromiter(map(row.__getitem__, names), np.int64, len(names)) for names in sides]
    enrol_rows, test_rows = rows[0][trials.enrol_index], rows[1][trials.test_index]
    return TrialVectors(vectors, ids, np.ones(len(ids), np.int64), enrol_rows, vectors, ids, test_rows)


def _side(
    trials: Trials, ids: list[str], index: np.ndarray, embeddings: Embeddings, backend: Backend, stay: bool
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Vectors of one side's recordings, their ids, and the row of each trial."""
    rows = look_up(trials, embeddings, ids)
    if stay:
        return embeddings.matrix, embeddings.ids, rows[index]
    return project(backend, embeddings, rows), ids, index


def _averages(trials: Trials, inputs: ScoringInputs, backend: Backend) -> tuple[np.ndarray, np.ndarray]:
    """Projected averages [E, D] and counts [E] of the enrolment models that the trials name."""
    _, counts, rows = _model_recordings(trials, inputs)
    vectors = apply_chain(backend, inputs.enrol_side, rows)
    models = backend.scorer.average(vectors, counts)
    zeros = np.flatnonzero(~models.any(axis=1))
    if backend.scorer.unit_length and len(zeros) and inputs.models is not None:
        name = trials.enrol_ids[int(zeros[0])]
        raise InputError(f"{inputs.models.path}: the embeddings of '{name}' average to zero")
    return models, counts


def _model_recordings(trials: Trials, inputs: ScoringInputs) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The recordings of the models that the trials name, one model after the other; how many each has; their rows."""
    models = inputs.models
    assert models is not None
    numbers = [models.number(name) for name in trials.enrol_ids]
    unknown = next((name for name, number in zip(trials.enrol_ids, numbers) if number is None), None)
    if unknown is not None:
        where = asked_for(trials, unknown)
        raise InputError(
            f"{models.path}: has no model '{unknown}', which {where} asks for; --skip-missing leaves such trials out"
        )
    wanted = [number for number in numbers if number is not None]
    ids = [name for number in wanted for name in models.members(number)]
    try:
        return ids, models.num_utts[wanted], inputs.enrol_side.index(ids)
    except InputError as error:
        raise InputError(f"{error}, which {models.path} asks for; --skip-missing leaves such recordings out") from None
