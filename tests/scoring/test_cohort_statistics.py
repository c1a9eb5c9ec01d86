"""Cohort statistics of a list's recordings and models, from vectors and from score files."""

from dataclasses import replace

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.cohort_statistics import file_statistics, trial_statistics
from speakerssl.scoring.enrolment import EnrolmentModels
from speakerssl.scoring.projection import project
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.scoring.trial_projection import project_trials
from speakerssl.trials.score_file import Scores
from speakerssl.trials.trial_list import Trials


@pytest.mark.parametrize("method", ["z", "t", "s", "as"])
def test_models_of_one_recording_and_shared_sides_are_the_same(
    train: Embeddings, train_speakers: np.ndarray, trials: Trials, method: str
) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean,length", "plda"))
    cohort = project(backend, train, np.arange(50))
    vectors = project_trials(trials, ScoringInputs(train), backend)
    enrol, test = trial_statistics(vectors, backend.scorer, cohort, method, 20)
    assert vectors.shared
    assert enrol is not None
    # The same recordings as one-recording models take the general way.
    models = EnrolmentModels(train.ids, train.ids, np.arange(241), "spk2utt")
    other = project_trials(trials, ScoringInputs(train, models=models), backend)
    enrol2, test2 = trial_statistics(other, backend.scorer, cohort, method, 20)
    for one, two, rows, rows2 in (
        (enrol, enrol2, vectors.enrol_rows, other.enrol_rows),
        (test, test2, vectors.test_rows, other.test_rows),
    ):
        if one is not None and two is not None:
            np.testing.assert_allclose(one.select(rows).mean, two.select(rows2).mean, rtol=1e-7)
            np.testing.assert_allclose(one.select(rows).deviation, two.select(rows2).deviation, rtol=1e-7)
    assert (enrol2 is None) == (method == "t")
    assert (test2 is None) == (method == "z")


def test_equal_cohort_scores_are_refused(train: Embeddings, trials: Trials) -> None:
    vectors = project_trials(trials, ScoringInputs(train), Backend())
    same = np.repeat(train.matrix[:1], 5, 0)
    with pytest.raises(InputError, match=r"cohort.scp: all cohort scores of 'u000' are equal"):
        trial_statistics(vectors, Backend().scorer, same, "s", where="cohort.scp")


def test_file_statistics_name_the_recording() -> None:
    pairs = Trials(["a", "b"], ["c", "d"], np.array([0, 0, 1]), np.array([0, 1, 0]), None, "f")
    scores = Scores(np.array([1.0, 3.0, 2.0]), None, pairs, "cohort_scores")
    found = file_statistics(scores, ["a"], None)
    assert (found.mean[0], found.deviation[0]) == (2.0, 1.0)
    with pytest.raises(InputError, match="cohort_scores: 'b' has 1 cohort scores; 2 are needed"):
        file_statistics(scores, ["a", "b"], None)
    with pytest.raises(InputError, match="cohort scores need ids"):
        file_statistics(replace(scores, trials=None), ["a"], None)
