"""The vectors of a trial list: averages after the chain, ready averages, what stays where it is, what does not fit."""

from dataclasses import replace

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.backend_options import BackendOptions
from speakerssl.scoring.backend_training import train_backend
from speakerssl.scoring.chain import Chain
from speakerssl.scoring.enrolment import EnrolmentModels
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.scoring.trial_projection import project_trials
from speakerssl.scoring.trial_scores import score_inputs
from speakerssl.trials.trial_list import Trials

MODELS = EnrolmentModels(["m1", "m2"], ["u000", "u001", "u006", "u007", "u008"], np.array([0, 2, 5]), "spk2utt")
MODEL_TRIALS = Trials(["m2", "m1"], ["u020"], np.array([0, 1]), np.array([0, 0]), None, "trials")


def test_ready_averages_score_as_models_do(train: Embeddings, train_speakers: np.ndarray) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean,lda:6", "plda"))
    ready = Embeddings(["m1", "m2"], np.stack([train.matrix[:2].mean(0), train.matrix[6:9].mean(0)]), "spk.scp")
    one = score_inputs(MODEL_TRIALS, ScoringInputs(train, models=MODELS), backend)
    two = score_inputs(MODEL_TRIALS, ScoringInputs(train, ready, num_utts={"m1": 2, "m2": 3}), backend)
    np.testing.assert_allclose(one, two, rtol=1e-5)
    vectors = project_trials(MODEL_TRIALS, ScoringInputs(train, ready, num_utts={"m2": 3}), backend)
    np.testing.assert_array_equal(vectors.counts, [3, 1])
    assert not vectors.shared
    assert [(count, rows.tolist()) for count, rows in vectors.by_count()] == [(1, [1]), (3, [0])]


def test_models_may_be_made_of_other_embeddings(train: Embeddings) -> None:
    enrol = Embeddings(train.ids, train.matrix + 1, "enrol.scp")
    found = project_trials(MODEL_TRIALS, ScoringInputs(train, enrol, MODELS), Backend())
    own = project_trials(MODEL_TRIALS, ScoringInputs(enrol, models=MODELS), Backend())
    np.testing.assert_array_equal(found.enrol, own.enrol)
    np.testing.assert_array_equal(found.test[0], train.matrix[20])


def test_embeddings_that_nothing_changes_are_not_copied(train: Embeddings, trials: Trials) -> None:
    stay = project_trials(trials, ScoringInputs(train), Backend(), copy=False)
    assert stay.enrol is stay.test is train.matrix
    assert stay.shared
    copied = project_trials(trials, ScoringInputs(train), Backend())
    assert len(copied.test) == len(set(trials.enrol_ids + trials.test_ids))
    np.testing.assert_array_equal(copied.test[copied.test_rows], stay.test[stay.test_rows])
    np.testing.assert_array_equal(copied.enrol[copied.enrol_rows], stay.enrol[stay.enrol_rows])


def test_what_does_not_fit(train: Embeddings, train_speakers: np.ndarray, trials: Trials) -> None:
    backend = train_backend(train, train_speakers, BackendOptions("mean", "plda"))
    narrow = Embeddings(train.ids, train.matrix[:, :7], "narrow.scp")
    with pytest.raises(InputError, match=r"narrow.scp: embeddings of 7 dimensions, but the transform 'mean'"):
        project_trials(trials, ScoringInputs(narrow), backend)
    with pytest.raises(InputError, match=r"narrow.scp: embeddings of 7 dimensions, but the PLDA was trained on 10"):
        project_trials(trials, ScoringInputs(narrow), replace(backend, chain=Chain()))
    with pytest.raises(InputError, match=r"narrow.scp: embeddings of 7 numbers, but 10 in train.scp"):
        ScoringInputs(train, narrow)


def test_models_that_cannot_be_made(train: Embeddings) -> None:
    inputs = ScoringInputs(train, models=MODELS)
    with pytest.raises(InputError, match="spk2utt: has no model 'k', which trials asks for; --skip-missing"):
        project_trials(replace(MODEL_TRIALS, enrol_ids=["m2", "k"]), inputs, Backend())
    some = Embeddings(["u000", "u001", "u020"], train.matrix[[0, 1, 20]], "some.scp")
    with pytest.raises(InputError, match=r"some.scp: no embedding for 'u006' \(and 2 more\), which spk2utt asks for"):
        project_trials(MODEL_TRIALS, replace(inputs, test=some), Backend())
    opposite = Embeddings(["u", "v", "u020"], np.array([[1, 0], [-1, 0], [1, 1]], np.float32), "x.scp")
    models = EnrolmentModels(["m2", "m1"], ["u", "v", "u"], np.array([0, 2, 3]), "spk2utt")
    with pytest.raises(InputError, match="spk2utt: the embeddings of 'm2' average to zero"):
        project_trials(MODEL_TRIALS, ScoringInputs(opposite, models=models), Backend())
    scores = score_inputs(MODEL_TRIALS, ScoringInputs(opposite, models=models, average="scores"), Backend())
    np.testing.assert_allclose(scores, [0, np.sqrt(0.5)], atol=1e-7)
