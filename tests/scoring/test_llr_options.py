"""What calibration and fusion share."""

from pathlib import Path

import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.llr_options import LlrOptions


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list").write_text("1 a/1 a/2\n0 a/1 b/1\n1 b/1 b/2\n")
    Path("scores").write_text("b/1 b/2 3\na/1 b/1 2\na/1 a/2 1\n")
    Path("labelled").write_text("0.5 1\n0.1 0\n")
    Path("durations").write_text("a/1 2\na/2 4\nb/1 8\nb/2 1\n")


def test_what_makes_no_sense_is_refused() -> None:
    LlrOptions(output="x").check()
    with pytest.raises(InputError, match="--load applies a model; --save and --cross-validate train one"):
        LlrOptions(load="m", save="n").check()
    with pytest.raises(InputError, match="nothing to write"):
        LlrOptions().check()


def test_scores_stand_in_the_order_of_the_list() -> None:
    scored = LlrOptions(trials="list").read_scored("scores")
    assert scored.scores.tolist() == [1.0, 2.0, 3.0]
    assert scored.trials.require_labels().tolist() == [1, 0, 1]


def test_labels_and_ids_are_asked_for_where_they_are_needed() -> None:
    with pytest.raises(InputError, match="scores: has no labels to train on; name the trial list with --trials"):
        LlrOptions(save="m").read_scored("scores")
    assert LlrOptions(load="m", output="o").read_scored("scores").scores.tolist() == [3.0, 2.0, 1.0]
    assert LlrOptions(save="m").read_scored("labelled").trials.require_labels().tolist() == [1, 0]
    with pytest.raises(InputError, match="labelled: has no ids to write scores for"):
        LlrOptions(output="o").read_scored("labelled")


def test_quality_measures_are_of_both_sides() -> None:
    options = LlrOptions(trials="list", qualities=[("durations", "durations")])
    names, values = options.quality_columns(options.read_scored("scores").trials)
    assert names == ["durations.min", "durations.max"]
    assert values.tolist() == [[2.0, 4.0], [2.0, 8.0], [1.0, 8.0]]


def test_speakers_are_looked_up_for_cross_validation_alone() -> None:
    trials = LlrOptions(trials="list").read_scored("scores").trials
    assert LlrOptions().held_out_speakers(trials) is None
    found = LlrOptions(cross_validate=True).held_out_speakers(trials)
    assert found is not None
    assert found.names == ["a", "b"]
