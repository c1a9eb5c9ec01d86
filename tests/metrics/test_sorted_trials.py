"""Trials in the order of their scores, and the corners that a bootstrap draw keeps."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.sorted_trials import corner_points, sort_trials
from speakerssl.trials.speakers import TrialSpeakers


def test_all_is_in_the_order_of_the_scores() -> None:
    scores, labels = np.array([0.5, -1.0, 0.5, 2.0]), np.array([1, 0, 0, 1])
    speakers = TrialSpeakers(["a", "b"], np.array([0, 1, 0, 1], np.int32), np.array([0, 0, 1, 1], np.int32))
    found = sort_trials(scores, labels, speakers)
    assert found.thresholds[:-1].tolist() == [-1.0, 0.5, 2.0]
    assert found.starts.tolist() == [0, 1, 3, 4]
    assert found.target.tolist()[0] is False
    assert found.target.tolist()[3] is True
    assert found.enrol[0] == 1
    for kind, losses in zip((1, 0), found.losses):
        expected = [np.log2(1 + np.exp(-s if y else s)) for s, y in zip(scores, labels) if y == kind]
        assert losses.total.sum() == pytest.approx(sum(expected))
    assert sorted(zip(found.losses[0].enrol.tolist(), found.losses[0].test.tolist())) == [(0, 2), (1, 2)]
    assert found.corners[0] == 0
    assert found.corners[-1] == len(found.thresholds) - 1


def slow_corners(runs: list[str]) -> list[int]:
    """Of scores whose trials are of class `t`, `n` or both: the first of each run of one class, and all mixed ones."""
    return [i for i, kind in enumerate(runs) if kind == "tn" or i == 0 or kind != runs[i - 1]]


@pytest.mark.parametrize("seed", range(20))
def test_corners_are_where_the_class_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    runs = [("t", "n", "tn")[i] for i in rng.integers(0, 3, 30)]
    target = np.array([letter == "t" for kind in runs for letter in kind])
    starts = np.cumsum([0, *(len(kind) for kind in runs)]).astype(np.int32)
    assert corner_points(starts, target).tolist() == slow_corners(runs)


def test_one_speaker_cannot_be_drawn() -> None:
    one = np.zeros(2, np.int32)
    with pytest.raises(InputError, match="list: a speaker bootstrap needs at least two speakers"):
        sort_trials(np.array([1.0, 0.0]), np.array([1, 0]), TrialSpeakers(["a"], one, one), "list")
