"""Bootstrap draws against lists with their copies written out."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.metrics import draws as module
from speakerssl.metrics.draws import counts_room, draws, lanes_of
from speakerssl.metrics.lanes import LANES
from speakerssl.metrics.roc import build_roc
from speakerssl.metrics.sorted_trials import SortedTrials, sort_trials
from speakerssl.trials.speakers import TrialSpeakers

List = tuple[np.ndarray, np.ndarray, TrialSpeakers]


@pytest.fixture
def listed(scored_list: Callable[..., List]) -> List:
    scores, labels, speakers = scored_list(6, np.random.default_rng(1))
    return np.round(scores, 1), labels, speakers


def test_points_at_and_between_corners(listed: List) -> None:
    scores, labels, speakers = listed
    trials = sort_trials(scores, labels, speakers)
    copies = np.random.default_rng(0).integers(0, 3, (6, 9)).astype(np.uint8)
    for lane, draw in enumerate(draws(trials, copies)):
        assert draw is not None
        one, other = copies[speakers.enrol, lane].astype(int), copies[speakers.test, lane].astype(int)
        times = np.where(speakers.enrol == speakers.test, one, one * other)
        roc = build_roc(np.repeat(scores, times), np.repeat(labels, times))
        assert (draw.targets, draw.nontargets) == (roc.targets, roc.nontargets)
        for threshold in (*trials.thresholds, -9.0, 0.05, 9.0):
            assert draw.counts_at(threshold) == roc.counts_at(threshold)
        for limit in (0.0, 0.01, 0.3, 1.0):
            assert draw.counts_at_alarms(limit) == roc.counts_at_alarms(limit)
        np.testing.assert_allclose(draw.log_losses, roc.log_losses, rtol=1e-12)


def test_a_copy_each_is_the_list(listed: List) -> None:
    scores, labels, speakers = listed
    (draw,) = draws(sort_trials(scores, labels, speakers), np.ones((6, 1), np.uint8))
    assert draw is not None
    assert draw.log_losses == pytest.approx(build_roc(scores, labels).log_losses, rel=1e-14)  # summed by pairs


def test_room_for_the_counts_changes_no_draw(listed: List) -> None:
    trials = sort_trials(*listed)
    copies = np.random.default_rng(0).integers(0, 3, (6, 20)).astype(np.uint8)
    room = counts_room([trials])
    for begin in (0, 10):
        part = copies[:, begin : begin + 10]
        for own, shared in zip(draws(trials, part), draws(trials, part, room)):
            if own is None or shared is None:
                assert own is shared
                continue
            np.testing.assert_array_equal(own.misses, shared.misses)
            np.testing.assert_array_equal(own.false_alarms, shared.false_alarms)
            assert own.log_losses == shared.log_losses


def test_a_draw_without_a_class_is_none(listed: List) -> None:
    trials = sort_trials(*listed)
    copies = np.zeros((6, 2), np.uint8)
    copies[0, 0] = 1  # one speaker alone: no non-target trial
    copies[:, 1] = 1
    first, second = draws(trials, copies)
    assert first is None
    assert second is not None


def test_lanes_keep_their_counts_within_the_limit(listed: List, monkeypatch: pytest.MonkeyPatch) -> None:
    trials: SortedTrials = sort_trials(*listed)
    assert lanes_of([trials]) == LANES
    monkeypatch.setattr(module, "COUNTS", 3 * len(trials.corners))
    assert lanes_of([trials]) == 3
    monkeypatch.setattr(module, "COUNTS", 1)
    assert lanes_of([trials]) == 1
