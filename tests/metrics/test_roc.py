"""Error counts over thresholds."""

import numpy as np
import pytest

from speakerssl.metrics.roc import Roc, build_roc


def test_roc_of_counts_keeps_its_totals() -> None:
    roc = Roc(np.array([0.0, 1.0]), np.array([0, 4]), np.array([7, 0]))
    assert (roc.targets, roc.nontargets) == (4, 7)


def slow_counts(scores: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[int, int]:
    accepted = scores >= threshold
    return int((~accepted & (labels == 1)).sum()), int((accepted & (labels == 0)).sum())


def made(seed: int, size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.4).astype(int)
    labels[:2] = 0, 1
    return np.round(rng.standard_normal(size) + labels, 1), labels


@pytest.mark.parametrize("seed", range(5))
def test_counts_at_every_threshold(seed: int) -> None:
    scores, labels = made(seed)
    roc = build_roc(scores, labels)
    assert roc.thresholds[:-1].tolist() == sorted(set(scores.tolist()))
    for point, threshold in enumerate(roc.thresholds):
        assert (roc.misses[point], roc.false_alarms[point]) == slow_counts(scores, labels, threshold)
        assert roc.counts_at(threshold) == slow_counts(scores, labels, threshold)
    for threshold in (-9.0, 0.05, 0.55, 9.0):
        assert roc.counts_at(threshold) == slow_counts(scores, labels, threshold)
    for limit in (0.0, 0.1, 0.5, 1.0):
        allowed = [t for t in roc.thresholds if slow_counts(scores, labels, t)[1] <= limit * roc.nontargets]
        assert roc.counts_at_alarms(limit) == slow_counts(scores, labels, min(allowed))


@pytest.mark.parametrize("seed", range(5))
def test_the_hull_is_below_every_point_and_convex(seed: int) -> None:
    roc = build_roc(*made(seed))
    misses, alarms = (np.asarray(values, float) for values in roc.hull)
    assert (misses[0], alarms[0]) == (0, roc.nontargets)
    assert (misses[-1], alarms[-1]) == (roc.targets, 0)
    for begin in range(len(misses) - 1):
        fall, rise = alarms[begin + 1] - alarms[begin], misses[begin + 1] - misses[begin]
        side = fall * (np.asarray(roc.misses, float) - misses[begin]) - rise * (roc.false_alarms - alarms[begin])
        assert (side <= 0).all()  # no operating point is better than the line
        if begin + 2 < len(misses):
            assert fall * (misses[begin + 2] - misses[begin]) < rise * (alarms[begin + 2] - alarms[begin])


def test_losses_are_sums_over_trials() -> None:
    scores, labels = made(0)
    target, nontarget = build_roc(scores, labels).log_losses
    assert target == pytest.approx(np.log2(1 + np.exp(-scores[labels == 1])).sum())
    assert nontarget == pytest.approx(np.log2(1 + np.exp(scores[labels == 0])).sum())
