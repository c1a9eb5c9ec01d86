"""The calibration of a model folder: against the closed form of two Gaussians, and back from its file."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.decision import Decision, load_decision, save_decision, verify_score
from speakerssl.errors import InputError
from speakerssl.gallery.calibration import fit_decision

RNG = np.random.default_rng(0)
SCORES = np.concatenate([RNG.normal(0.6, 0.1, 20000), RNG.normal(0.2, 0.1, 60000)])
LABELS = np.repeat([1, 0], [20000, 60000])


@pytest.fixture(scope="module")
def decision() -> Decision:
    return fit_decision(SCORES, LABELS, "made numbers")


def test_two_gaussians_have_a_linear_ratio(decision: Decision) -> None:
    # log N(s; .6, .1) - log N(s; .2, .1) = 40 s - 16
    assert decision.scale == pytest.approx(40, rel=0.05)
    assert decision.offset == pytest.approx(-16, rel=0.05)
    assert decision.trials == (20000, 60000)


@pytest.mark.parametrize("p_target", [0.5, 0.05, 0.01])
def test_the_threshold_is_the_bayes_threshold_and_its_errors_are_those_of_the_list(
    decision: Decision, p_target: float
) -> None:
    found = decision.verify(0.4, p_target)
    assert decision.scale * found.threshold + decision.offset == pytest.approx(math.log((1 - p_target) / p_target))
    assert found.p_miss == pytest.approx(np.mean(SCORES[LABELS == 1] < found.threshold), abs=0.003)
    assert found.p_fa == pytest.approx(np.mean(SCORES[LABELS == 0] >= found.threshold), abs=0.003)
    assert found.calibrated_on == "made numbers"


def test_a_decision_turns_at_its_threshold(decision: Decision) -> None:
    bound = decision.threshold(0.5)
    assert decision.verify(bound).same
    assert not decision.verify(np.nextafter(bound, -1)).same
    assert not decision.verify(bound, threshold=0.9).same
    beyond = decision.verify(0.5, threshold=5.0)
    assert (beyond.p_miss, beyond.p_fa) == (1.0, 0.0)


def test_it_comes_back_from_its_file(decision: Decision, tmp_path: Path) -> None:
    assert load_decision(tmp_path) is None
    save_decision(tmp_path, decision)
    found = load_decision(tmp_path)
    assert found is not None
    assert found.verify(0.37, 0.05) == decision.verify(0.37, 0.05)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content | {"format": "other"},
        lambda content: {key: value for key, value in content.items() if key != "errors"},
        lambda content: content | {"scale": -3.0},
        lambda content: content | {"errors": content["errors"] | {"p_fa": [0.5]}},
        lambda content: content | {"offset": "many"},
        lambda content: [content],
    ],
)
def test_a_damaged_file_is_named(decision: Decision, tmp_path: Path, damage) -> None:
    path = save_decision(tmp_path, decision)
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=r"calibration\.json: "):
        load_decision(tmp_path)


def test_inverted_scores_and_one_class_are_refused() -> None:
    with pytest.raises(InputError, match="higher for two speakers"):
        fit_decision(-SCORES, LABELS, "made")
    with pytest.raises(InputError):
        fit_decision(SCORES[:5], LABELS[:5], "made")


def test_without_a_calibration_a_threshold_is_needed() -> None:
    with pytest.raises(InputError, match="calibrate-model"):
        verify_score(0.5, None, 0.5, None)
    found = verify_score(0.5, None, 0.5, 0.4)
    assert (found.same, found.llr, found.p_miss) == (True, None, None)
