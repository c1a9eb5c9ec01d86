"""Fusion of systems: no worse than the best alone, greedy choice, saved order of inputs."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.fusion import fused, greedy_selection, order_inputs
from speakerssl.scoring.logistic import fit_logistic, weighted_objective
from speakerssl.trials.speakers import TrialSpeakers


def systems(seed: int = 0) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    """Four systems on 5,000 trials: good, complementary, noise, and a copy of the good one with other units."""
    rng = np.random.default_rng(seed)
    enrol, test = rng.integers(0, 30, (2, 5000)).astype(np.int32)
    test[:1500] = enrol[:1500]
    labels = (enrol == test).astype(np.int8)
    good, other = labels + 0.6 * rng.standard_normal(5000), labels + 0.8 * rng.standard_normal(5000)
    scores = np.column_stack([good, 10 * other, rng.standard_normal(5000), 5 - 3 * good])
    return scores, labels, TrialSpeakers([f"s{i}" for i in range(30)], enrol, test)


def test_fusion_beats_each_system() -> None:
    scores, labels, speakers = systems()
    together = weighted_objective(fused(scores[:, :2], labels, speakers, 0.5), labels, 0.5)
    alone = [weighted_objective(fused(scores[:, [i]], labels, speakers, 0.5), labels, 0.5) for i in (0, 1)]
    assert together < 0.85 * min(alone)


def test_independent_gaussian_systems_add_their_ratios() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], 200_000)
    scores = np.column_stack([rng.normal(labels, 1.0), rng.normal(labels, 2.0)])
    weights, _ = fit_logistic(scores, labels)
    np.testing.assert_allclose(weights, [1.0, 0.25], rtol=0.03)


@pytest.mark.parametrize("cross", [False, True])
def test_greedy_takes_the_complementary_and_leaves_noise_and_copies(cross: bool) -> None:
    scores, labels, speakers = systems()
    picks = greedy_selection(scores, labels, speakers if cross else None, 0.5, least_gain=1e-3)
    assert picks[0].system in (0, 3)
    assert [pick.system for pick in picks][1:] == [1]
    assert picks[1].objective < picks[0].objective


def test_greedy_equals_trying_all_pairs() -> None:
    scores, labels, _ = systems(2)
    picks = greedy_selection(scores[:, :3], labels, most=2, least_gain=-1)
    second = {
        j: weighted_objective(fused(scores[:, [picks[0].system, j]], labels, None, 0.5), labels, 0.5)
        for j in range(3)
        if j != picks[0].system
    }
    assert picks[1].system == min(second, key=lambda j: second[j])
    np.testing.assert_allclose(picks[1].objective, min(second.values()))


def test_greedy_with_quality_inputs() -> None:
    scores, labels, _ = systems()
    extra = np.random.default_rng(0).standard_normal((5000, 1))
    picks = greedy_selection(scores[:, :2], labels, extra=extra)
    assert len(picks) == 2


def test_order_of_saved_inputs() -> None:
    assert order_inputs(["b", "a"], ["a", "c", "b"]) == [2, 0]
    assert order_inputs(["b", "a"], ["x", "y"]) == [0, 1]
    with pytest.raises(InputError, match=r"trained on 2 systems \(b, a\), but 1 are given \(b\); name them"):
        order_inputs(["b", "a"], ["b"])


def test_bad_input() -> None:
    scores, labels, _ = systems()
    with pytest.raises(InputError, match="give 1 to 4"):
        greedy_selection(scores, labels, most=5)
    with pytest.raises(InputError, match="both classes"):
        fused(scores, np.ones(5000), None, 0.5)
