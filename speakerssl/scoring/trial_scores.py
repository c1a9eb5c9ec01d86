"""The one way from a trial list to its scores: trials, embeddings and a back-end in, one number a trial out."""

from pathlib import Path

import numpy as np

from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.scoring.backend import Backend, load_backend
from speakerssl.scoring.centring import centring_mean
from speakerssl.scoring.enrolment import EnrolmentModels, read_enrolment
from speakerssl.scoring.projection import zero_vector
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.scoring.trial_projection import project_recordings, project_trials
from speakerssl.trials.score_writer import round_scores
from speakerssl.trials.trial_list import Trials, read_trials


def score(
    trials: Trials | str | Path,
    embeddings: Embeddings | str | Path,
    backend: Backend | str | Path | None = None,
    *,
    enrol_embeddings: Embeddings | str | Path | None = None,
    enrol_models: EnrolmentModels | str | Path | None = None,
    average: str = "embeddings",
    center: str | None = None,
) -> np.ndarray:
    """The score of every trial, float64 [T], in the order of the list: what `speakerssl score` writes.

    Args:
        trials: a trial list (see `read_trials`), read or as a path.
        embeddings: embeddings of the recordings (see `read_embeddings`), read or as a path.
        backend: a chain and a scorer (see `load_backend`), loaded or as a path; None is cosine.
        enrol_embeddings: embeddings of the enrolment side, where they are other ones.
        enrol_models: models of several recordings that the enrolment ids name: a Kaldi spk2utt.
        average: "embeddings" or "scores": what is averaged over the recordings of a model.
        center: "auto" subtracts the mean of the list's own embeddings; a path, that of these embeddings, or this mean.

    Raises:
        InputError: a file that is none, an id without an embedding, embeddings that do not fit each other or the
            back-end, an embedding of zeros where scores are cosines.
    """
    listed = trials if isinstance(trials, Trials) else read_trials(trials)
    models = enrol_models
    if models is not None and not isinstance(models, EnrolmentModels):
        models = read_enrolment(models)
    enrol = None if enrol_embeddings is None else _embeddings(enrol_embeddings)
    inputs = ScoringInputs(_embeddings(embeddings), enrol, models, average)
    ready = backend if isinstance(backend, Backend) else load_backend(backend) if backend else Backend()
    if center is not None:
        ready = ready.centred(centring_mean(center, listed, inputs))
    return score_inputs(listed, inputs, ready)


def score_inputs(trials: Trials, inputs: ScoringInputs, backend: Backend) -> np.ndarray:
    """The score of every trial [T], at the nine decimals that score files hold. Raises InputError as `score` does."""
    if inputs.models is not None and inputs.average == "scores":
        vectors, counts = project_recordings(trials, inputs, backend)
        scores = backend.scorer.average_score_pairs(vectors, counts)
    else:
        vectors = project_trials(trials, inputs, backend, copy=False)
        scores = backend.scorer.score_pairs(vectors)
    without = np.flatnonzero(np.isnan(scores))
    if len(without):
        row = int(without[0])
        zero = not vectors.test[vectors.test_rows[row]].any()
        raise zero_vector(inputs.test if zero else inputs.enrol_side, trials.pair(row)[int(zero)])
    return round_scores(scores)


def _embeddings(given: Embeddings | str | Path) -> Embeddings:
    return given if isinstance(given, Embeddings) else read_embeddings(given)
