"""Detection metrics against slow, obvious references; neither order nor ties may change a number."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from speakerssl.errors import InputError
from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.detection import (
    actual_dcf,
    at_false_alarm,
    at_threshold,
    auc,
    bayes_threshold,
    compute_eer,
    compute_min_dcf,
    det_points,
    eer,
    eer_and_min_dcf,
    eer_hull,
    min_dcf,
)
from speakerssl.metrics.roc import build_roc
from speakerssl.trials.score_file import read_scored_trials


def _slow_points(scores: np.ndarray, labels: np.ndarray) -> list[tuple[float, float, float]]:
    """(threshold, p_miss, p_fa) by counting at every threshold."""
    target, nontarget = scores[labels == 1], scores[labels == 0]
    thresholds = [*sorted(set(scores.tolist())), np.inf]
    return [(t, float(np.mean(target < t)), float(np.mean(nontarget >= t))) for t in thresholds]


def _slow_eer(points: list[tuple[float, float, float]]) -> float:
    for (_, miss, fa), (_, next_miss, next_fa) in itertools.pairwise(points):
        if next_miss >= next_fa:
            # miss + a (next_miss - miss) = fa + a (next_fa - fa)
            a = (fa - miss) / ((fa - miss) + (next_miss - next_fa))
            return miss + a * (next_miss - miss)
    raise AssertionError("no crossing")


def _slow_hull_eer(points: list[tuple[float, float, float]]) -> float:
    """The ROCCH-EER is the largest over priors p of the least error p p_miss + (1 - p) p_fa."""
    miss, fa = np.array(points).T[1:]
    lines = [(0.0, 1.0)] + [(m, f) for m, f in zip(miss, fa)]
    best = 0.0
    candidates = {0.5}
    for m1, f1 in lines:
        for m2, f2 in lines:
            slope = (m1 - f1) - (m2 - f2)
            if slope:
                candidates.add(float(np.clip((f2 - f1) / slope, 0, 1)))
    for p in candidates:
        best = max(best, float(np.min(p * miss + (1 - p) * fa)))
    return best


scored = st.lists(
    st.tuples(st.integers(-6, 6).map(lambda x: x / 4), st.integers(0, 1)), min_size=2, max_size=40
).filter(lambda rows: 0 < sum(y for _, y in rows) < len(rows))


@given(scored, st.sampled_from([0.01, 0.05, 0.5, 0.9]), st.sampled_from([(1.0, 1.0), (10.0, 1.0), (1.0, 5.0)]))
@settings(max_examples=100, deadline=None)
def test_against_slow_references(rows: list[tuple[float, int]], p: float, costs: tuple[float, float]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([y for _, y in rows])
    roc, points = build_roc(scores, labels), _slow_points(scores, labels)
    np.testing.assert_allclose(np.array([roc.p_miss, roc.p_fa]).T, np.array(points)[:, 1:])
    assert roc.thresholds[:-1].tolist() == sorted(set(scores.tolist()))
    assert eer(roc).value == pytest.approx(_slow_eer(points), abs=1e-12)
    assert eer_hull(roc).value == pytest.approx(_slow_hull_eer(points), abs=1e-12)
    assert auc(roc) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    c_miss, c_fa = costs
    blind = min(c_miss * p, c_fa * (1 - p))
    cost = [(c_miss * p * m + c_fa * (1 - p) * f) / blind for _, m, f in points]
    found = min_dcf(roc, p, c_miss, c_fa)
    assert found.value == pytest.approx(min(cost), abs=1e-12)
    assert found.value <= 1 + 1e-12
    accepted = scores >= found.threshold
    reached = c_miss * p * np.mean(~accepted[labels == 1]) + c_fa * (1 - p) * np.mean(accepted[labels == 0])
    assert reached / blind == pytest.approx(found.value, abs=1e-12)
    bayes = -np.log(c_miss * p / (c_fa * (1 - p)))
    accepted = scores >= bayes
    reached = c_miss * p * np.mean(~accepted[labels == 1]) + c_fa * (1 - p) * np.mean(accepted[labels == 0])
    actual = actual_dcf(roc, p, c_miss, c_fa)
    assert actual.value == pytest.approx(reached / blind, abs=1e-12)
    assert actual.threshold == pytest.approx(bayes)
    assert actual.value >= found.value - 1e-12
    # Without a curve, to the last bit.
    assert eer_and_min_dcf(scores, labels, p, c_miss, c_fa) == (eer(roc).value, found.value)


@given(scored, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_never_matters(rows: list[tuple[float, int]], random: object) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([y for _, y in rows])
    order = np.arange(len(rows))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, other = build_roc(scores, labels), build_roc(scores[order], labels[order])
    for name in ("thresholds", "misses", "false_alarms"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@given(scored)
@settings(max_examples=100, deadline=None)
def test_a_rising_map_changes_no_minimum(rows: list[tuple[float, int]]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([y for _, y in rows])
    one, other = build_roc(scores, labels), build_roc(np.exp(scores) - 7, labels)
    for metric in (eer, eer_hull, lambda roc: min_dcf(roc, 0.05)):
        assert metric(one).value == metric(other).value
    assert min_cllr(one) == min_cllr(other)
    assert auc(one) == auc(other)


def test_limits() -> None:
    labels = np.array([1, 1, 0, 0, 0])
    perfect = build_roc(np.array([3.0, 2.0, 1.0, 0.5, 0.0]), labels)
    assert (eer(perfect).value, eer_hull(perfect).value, min_dcf(perfect, 0.05).value, auc(perfect)) == (0, 0, 0, 1)
    assert min_cllr(perfect) == 0
    assert eer(perfect).threshold == 2.0
    worst = build_roc(np.array([0.0, 0.0, 1.0, 1.0, 1.0]), labels)
    assert eer(worst).value == 1
    assert (eer_hull(worst).value, min_dcf(worst, 0.05).value, auc(worst)) == (0.5, 1, 0)
    assert min_cllr(worst) == pytest.approx(1)
    tied = build_roc(np.zeros(5), labels)
    assert (eer(tied).value, min_dcf(tied, 0.05).value, auc(tied)) == (0.5, 1, 0.5)
    assert cllr(tied) == pytest.approx(1)
    assert bayes_threshold(0.5) == 0


def test_gaussian_scores_reach_their_theory() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(400_000) < 0.3).astype(np.int8)
    # LLRs of N(+-m/2, m): calibrated by construction, EER = Phi(-sqrt(m) / 2).
    mean = 8.0
    scores = rng.standard_normal(len(labels)) * np.sqrt(mean) + (labels - 0.5) * mean
    roc = build_roc(scores, labels)
    assert eer(roc).value == pytest.approx(0.07865, abs=2e-3)
    assert cllr(roc) == pytest.approx(min_cllr(roc), abs=2e-3)
    assert actual_dcf(roc, 0.1).value == pytest.approx(min_dcf(roc, 0.1).value, abs=1e-2)
    assert compute_eer(scores, labels) == eer(roc).value
    assert compute_min_dcf(scores, labels, 0.1) == min_dcf(roc, 0.1).value


def test_fixed_false_alarm_and_thresholds() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    labels = np.array([1, 0, 1, 1, 0, 0, 0])
    roc = build_roc(scores, labels)
    found = at_false_alarm(roc, 0.25)
    assert (found.threshold, found.p_fa, found.p_miss, found.precision, found.recall) == (0.6, 0.25, 0, 0.75, 1)
    none = at_false_alarm(roc, 0.1)
    assert (none.threshold, none.p_fa, none.recall) == (0.9, 0, pytest.approx(1 / 3))
    assert at_threshold(roc, 0.65) == (pytest.approx(1 / 3), 0.25)
    assert at_threshold(roc, 5.0) == (1, 0)
    assert at_false_alarm(build_roc(scores, 1 - labels), 0.1).precision == 1


def test_det_points_show_the_curve() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200_000)
    roc = build_roc(rng.standard_normal(len(labels)) + 2 * labels, labels)
    points = det_points(roc)
    assert len(points["p_fa"]) < 2000
    assert points["p_fa"][0] == 1
    assert points["p_miss"][-1] == 1
    assert (np.diff(points["p_miss"]) >= 0).all()
    assert (np.diff(points["p_fa"]) <= 0).all()
    back = np.interp(-roc.p_fa, -points["p_fa"], points["p_miss"])
    keep = (roc.p_fa > 1e-3) & (roc.p_miss > 1e-3)
    assert np.abs(back - roc.p_miss)[keep].max() < 0.01
    assert len(det_points(build_roc(np.array([0.0, 1.0]), np.array([0, 1])))["p_fa"]) == 3


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, np.nan, 0.0], [1, 0, 1], r"x: score 2 is nan; scores must be finite"),
        ([1.0, 0.5, np.inf], [1, 0, 1], r"x: score 3 is inf"),
        ([1.0, -np.inf, 0.0], [1, 0, 1], r"x: score 2 is -inf"),
        ([1.0, 2.0], [1, 1], r"x: there are no non-target trials"),
        ([1.0, 2.0], [0, 0], r"x: there are no target trials"),
        ([1.0, 2.0], [0, 1, 1], r"x: 2 scores and 3 labels"),
    ],
)
def test_bad_input(scores: list[float], labels: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_roc(np.array(scores), np.array(labels), "x")
    with pytest.raises(InputError, match=message.replace("x:", "scores:")):
        compute_eer(np.array(scores), np.array(labels))


def test_the_inputs_are_left_alone() -> None:
    scores, labels = np.array([3.0, 1.0, 2.0]), np.array([1, 0, 1])
    build_roc(scores, labels)
    np.testing.assert_array_equal(scores, [3, 1, 2])


def test_published_voxsrc_numbers(shared_data: Path) -> None:
    folder = shared_data / "published_scores"
    scored = read_scored_trials(folder / "voxsrc2021_val_scores.txt.gz", folder / "voxsrc2021_val_trials.txt.gz")
    labels = scored.trials.require_labels()
    roc = build_roc(scored.scores, labels)
    assert f"{100 * eer(roc).value:.3f}" == "5.177"
    assert f"{min_dcf(roc, 0.05).value:.4f}" == "0.2928"
    # The publisher's script walks the sorted list trial by trial, so tied scores are split in list order.
    assert f"{_cost_with_split_ties(scored.scores, labels, 0.05):.4f}" == "0.2919"


def _cost_with_split_ties(scores: np.ndarray, labels: np.ndarray, p: float) -> float:
    order = np.argsort(scores, kind="stable")
    target = labels[order]
    miss = np.cumsum(target) / target.sum()
    fa = 1 - np.cumsum(1 - target) / (1 - target).sum()
    return float(np.min(p * miss + (1 - p) * fa) / p)
