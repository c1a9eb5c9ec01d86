"""Paired comparisons: the same draws for both systems see what separate intervals do not."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.bootstrap import speaker_bootstrap
from speakerssl.metrics.comparison import compare, p_value, seed_means
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.speakers import TrialSpeakers

ScoredList = Callable[..., tuple[np.ndarray, np.ndarray, TrialSpeakers]]


def test_paired_comparison_sees_what_intervals_do_not(scored_list: ScoredList) -> None:
    scores, labels, speakers = scored_list(40, np.random.default_rng(4))
    worse = scores + 0.3 * np.random.default_rng(5).standard_normal(len(scores))
    suite = MetricSuite(keys=("eer", "min_dcf"))
    found = compare(worse, scores, labels, speakers, suite, 400)["eer"]
    assert found.difference == pytest.approx(found.second - found.first)
    assert found.low <= found.difference <= found.high
    alone = [speaker_bootstrap(s, labels, speakers, suite, 400)["eer"] for s in (worse, scores)]
    assert found.high - found.low < 0.5 * min(interval.high - interval.low for interval in alone)
    much_worse = scores + 4 * np.random.default_rng(6).standard_normal(len(scores))
    certain = compare(scores, much_worse, labels, speakers, suite, 400)["eer"]
    assert certain.low > 0
    assert certain.p_value == pytest.approx(2 / 401)
    same = compare(scores, 2 * scores + 1, labels, speakers, suite, 50)["eer"]
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)


def test_comparison_is_antisymmetric(scored_list: ScoredList) -> None:
    scores, labels, speakers = scored_list(20, np.random.default_rng(7))
    other = scores + np.random.default_rng(8).standard_normal(len(scores))
    one = compare(scores, other, labels, speakers, count=50)
    back = compare(other, scores, labels, speakers, count=50)
    for name, found in one.items():
        assert found.difference == -back[name].difference
        assert (found.low, found.high) == pytest.approx((-back[name].high, -back[name].low))
        assert found.p_value == back[name].p_value


def test_p_value() -> None:
    assert p_value(np.array([1.0, 2, 3, -1])) == 2 * 2 / 5
    assert p_value(np.zeros(9)) == 1
    assert p_value(np.ones(999)) == 2 / 1000


def test_means_over_seeds_are_paired(scored_list: ScoredList) -> None:
    scores, labels, speakers = scored_list(15, np.random.default_rng(3))
    worse = [scores + np.random.default_rng(seed).standard_normal(len(scores)) for seed in (1, 2)]
    found = seed_means({"plain": [scores], "worse": worse, "again": [scores]}, labels, speakers, count=60)
    np.testing.assert_array_equal(found["plain"], found["again"])
    alone = [seed_means({"x": [one]}, labels, speakers, count=60)["x"] for one in worse]
    np.testing.assert_allclose(found["worse"], np.mean(alone, axis=0), atol=1e-15)
    assert np.mean(found["plain"] < found["worse"]) > 0.5


def test_no_difference_is_seldom_significant(scored_list: ScoredList) -> None:
    rng = np.random.default_rng(9)
    small = 0
    for _ in range(30):
        scores, labels, speakers = scored_list(25, rng, recordings=2)
        one, other = (scores + 0.5 * rng.standard_normal(len(scores)) for _ in range(2))
        found = compare(one, other, labels, speakers, MetricSuite(keys=("eer", "min_dcf")), 99)
        small += found["eer"].p_value < 0.05
    assert small <= 5


def test_scores_of_other_trials_are_refused(scored_list: ScoredList) -> None:
    scores, labels, speakers = scored_list(4, np.random.default_rng(0))
    with pytest.raises(InputError, match="compare them on the same trials"):
        compare(scores, scores[1:], labels, speakers)
