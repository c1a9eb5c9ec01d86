"""The shared thresholds: exact counts, short numbers, dense tails."""

import numpy as np
import pytest

from speakerssl.metrics.detection import eer, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.report.thresholds import counts_at, shared_thresholds, short_threshold, shortest_between


def draw(size: int, seed: int, scale: float = 1.0, decimals: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.2).astype(int)
    labels[:2] = 0, 1
    scores = scale * rng.normal(labels * 2.0, 1.0)
    return (scores if decimals is None else np.round(scores, decimals)), labels


@pytest.mark.parametrize(("scale", "decimals"), [(1.0, None), (1e-5, None), (300.0, 0), (0.2, 3)])
def test_counts_at_every_stop_are_those_of_the_number_shown(scale: float, decimals: int | None) -> None:
    scores, labels = draw(3000, 1, scale, decimals)
    roc = build_roc(scores, labels)
    grid = shared_thresholds([roc], [[]], limit=300)
    misses, alarms = counts_at(roc, grid)
    for threshold, miss, alarm in zip(grid.tolist(), misses, alarms):
        shown = float(repr(threshold))
        assert miss == np.sum(scores[labels == 1] < shown)
        assert alarm == np.sum(scores[labels == 0] >= shown)


def test_grid_runs_from_accept_all_to_reject_all_and_holds_the_wanted_points() -> None:
    pairs = [draw(2000, 2), draw(2000, 3, 40.0)]
    rocs = [build_roc(*pair) for pair in pairs]
    wanted = [[eer(roc).threshold, min_dcf(roc, 0.01).threshold] for roc in rocs]
    grid = shared_thresholds(rocs, wanted, limit=200)
    assert np.all(np.diff(grid) > 0)
    for roc, points in zip(rocs, wanted):
        misses, alarms = counts_at(roc, grid)
        assert (misses[0], alarms[0]) == (0, roc.nontargets)
        assert (misses[-1], alarms[-1]) == (roc.targets, 0)
        for point in points:
            stop = short_threshold(roc, point)
            assert stop in grid
            assert counts_at(roc, np.array([stop])) == counts_at(roc, np.array([point]))


def test_grid_is_small_and_dense_in_the_tails() -> None:
    scores, labels = draw(200_000, 4)
    roc = build_roc(scores, labels)
    grid = shared_thresholds([roc], [[]], limit=1000)
    assert len(grid) <= 1010
    _, alarms = counts_at(roc, grid)
    # The ten highest non-targets are told apart, where a grid by even quantiles would see none of them.
    assert set(range(10)) <= set(alarms.tolist())


def test_few_scores_are_all_stops() -> None:
    scores, labels = np.array([0.1, 0.25, 0.25, 0.9]), np.array([0, 1, 0, 1])
    roc = build_roc(scores, labels)
    misses, alarms = counts_at(roc, shared_thresholds([roc], [[]]))
    assert list(zip(misses.tolist(), alarms.tolist())) == [(0, 2), (0, 1), (1, 0), (2, 0)]


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.1, 0.2), (-0.2, -0.1), (0.123456789, 0.12345679), (-1e-9, 0.0), (-3.0, 0.5), (1.0, np.nextafter(1.0, 2.0))],
)
def test_shortest_between_stays_in_its_gap(low: float, high: float) -> None:
    value = shortest_between(low, high)
    assert low < value <= high


def test_shortest_between_is_short() -> None:
    assert shortest_between(0.50271, 0.50342) == 0.503
    assert shortest_between(-12.3456, -12.3333) == -12.34
