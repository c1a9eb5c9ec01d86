"""What lacks an embedding is named with its line, or left out and listed."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend
from speakerssl.scoring.enrolment import EnrolmentModels
from speakerssl.scoring.missing import drop_missing, known_trials, look_up, write_skipped
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.scoring.trial_scores import score_inputs
from speakerssl.trials.trial_list import Trials, read_trials


def test_an_unknown_id_is_named_with_the_line_that_asks_for_it(tmp_path: Path, train: Embeddings) -> None:
    path = tmp_path / "list"
    path.write_text("1 u000 u001\n0 u002 u003\n\n0 u001 who\n0 who u000\n")
    trials = read_trials(path)
    with pytest.raises(InputError) as caught:
        look_up(trials, train, trials.test_ids)
    expected = f"train.scp: no embedding for 'who', which {path}:4 asks for; --skip-missing leaves such trials out"
    assert str(caught.value) == expected


def test_trials_and_recordings_of_models_are_left_out(train: Embeddings, trials: Trials) -> None:
    some = train.select(train.ids[:100])
    kept = drop_missing(trials, ScoringInputs(some))
    assert len(kept.trials) + len(kept.pairs) == 200
    assert all(one >= "u100" or two >= "u100" for one, two in kept.pairs)
    assert kept.known is not None
    whole = score_inputs(trials, ScoringInputs(train), Backend())
    part = score_inputs(kept.trials, kept.inputs, Backend())
    np.testing.assert_array_equal(part, whole[kept.known])
    models = EnrolmentModels(["m1", "m2"], ["u001", "x1", "x2"], np.array([0, 2, 3]), "spk2utt")
    listed = Trials(["m1", "m2"], ["u000"], np.array([0, 1]), np.array([0, 0]), None, "list")
    kept = drop_missing(listed, ScoringInputs(train, models=models))
    assert (kept.pairs, kept.recordings) == ([("m2", "u000")], ["x1", "x2"])
    assert kept.inputs.models is not None
    assert kept.inputs.models.recordings == ["u001"]


def test_nothing_left_is_an_error(train: Embeddings, trials: Trials) -> None:
    np.testing.assert_array_equal(known_trials(trials, train, train.ids), np.ones(200, bool))
    with pytest.raises(InputError, match=r"train.scp: has embeddings for none of the trials of trials: it asks for"):
        known_trials(trials, train, ["z"])


def test_lists_without_a_common_id_show_what_would_mend_it(train: Embeddings, trials: Trials) -> None:
    files = Embeddings([f"{name}.wav" for name in train.ids], train.matrix, "files.scp")
    message = (
        "files.scp: has embeddings for none of the trials of trials: it asks for 'u000', there is 'u000.wav'; "
        "--strip-suffix .wav makes them meet"
    )
    for ask in (lambda: look_up(trials, files, trials.enrol_ids), lambda: drop_missing(trials, ScoringInputs(files))):
        with pytest.raises(InputError) as caught:
            ask()
        assert str(caught.value) == message


def test_the_list_of_what_was_skipped(tmp_path: Path) -> None:
    assert write_skipped(tmp_path / "a", []) is None
    assert not (tmp_path / "a.skipped").exists()
    path = write_skipped(tmp_path / "a", [("x", "y")], ["r"])
    assert path == f"{tmp_path}/a.skipped"
    assert Path(path).read_text() == "x y\nr\n"
