"""Speaker bootstrap: weights equal written-out copies, intervals cover, threads and order change nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.bootstrap import intervals, replicates, speaker_bootstrap, speaker_copies
from speakerssl.metrics.comparison import compare
from speakerssl.metrics.detection import eer
from speakerssl.metrics.roc import Roc, build_roc
from speakerssl.metrics.sorted_trials import sort_trials
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.speakers import TrialSpeakers

ScoredList = Callable[..., tuple[np.ndarray, np.ndarray, TrialSpeakers]]


@pytest.fixture
def small(scored_list: ScoredList) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    scores, labels, speakers = scored_list(7, np.random.default_rng(0))
    return np.round(scores, 1), labels, speakers


def test_a_replicate_equals_its_copies_written_out(small: tuple[np.ndarray, np.ndarray, TrialSpeakers]) -> None:
    scores, labels, speakers = small
    suite, count = MetricSuite((0.01, 0.2)), 25
    values = replicates([sort_trials(scores, labels, speakers)], 7, suite, count, seed=3)
    for replicate in range(count):
        copies = np.bincount(np.random.default_rng([3, replicate]).integers(0, 7, 7), minlength=7)
        one, other = copies[speakers.enrol], copies[speakers.test]
        times = np.where(speakers.enrol == speakers.test, one, one * other)
        if not (times @ labels and times @ (1 - labels)):
            assert np.isnan(values[replicate]).all()
            continue
        expanded = suite.evaluate(build_roc(np.repeat(scores, times), np.repeat(labels, times)))
        np.testing.assert_allclose(values[replicate, 0], list(expanded.values()), atol=1e-12)


def test_corners_change_no_bit(scored_list: ScoredList) -> None:
    """Every replicate is that of all operating points: long runs of one class, ties within and between the classes.

    Cllr alone may differ in its last bits: its losses are summed pair of speakers by pair.
    """
    rng = np.random.default_rng(1)
    scores, labels, speakers = scored_list(9, rng)
    suite = MetricSuite((0.01, 0.3), false_alarms=(0.0, 0.05, 1.0))
    is_cllr = np.array(suite.names) == "cllr"
    for own in (scores, np.round(scores, 1), scores + 3.0 * labels, np.round(2 * scores + 3 * labels), -scores):
        values = replicates([sort_trials(own, labels, speakers)], 9, suite, 40, seed=2)[:, 0]
        copies = speaker_copies(9, range(40), seed=2)
        roc = build_roc(own, labels)
        for row in range(40):
            one, other = copies[speakers.enrol, row].astype(int), copies[speakers.test, row].astype(int)
            times = np.where(speakers.enrol == speakers.test, one, one * other)
            point = np.searchsorted(roc.thresholds, own)
            size = len(roc.thresholds)
            misses = np.cumsum(np.bincount(point + 1, times * labels, size + 1)[:size]).astype(np.int64)
            below = np.cumsum(np.bincount(point + 1, times * (1 - labels), size + 1)[:size]).astype(np.int64)
            if misses[-1] and below[-1]:
                expected = np.array(suite.values(Roc(roc.thresholds, misses, below[-1] - below)))
                assert (expected == values[row])[~is_cllr].all()
                np.testing.assert_allclose(values[row], expected, rtol=1e-13)
            else:
                assert np.isnan(values[row]).all()


def test_threads_and_order_change_nothing(
    small: tuple[np.ndarray, np.ndarray, TrialSpeakers], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, labels, speakers = small
    runs = []
    for threads in ("1", "3"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
        runs.append(speaker_bootstrap(scores, labels, speakers, count=40, seed=5))
    order = np.random.default_rng(1).permutation(len(scores))
    runs.append(speaker_bootstrap(scores[order], labels[order], speakers.select(order), count=40, seed=5))
    assert runs[0] == runs[1] == runs[2]
    assert runs[0] != speaker_bootstrap(scores, labels, speakers, count=40, seed=6)


def test_interval_of_all_metrics_holds_the_estimate(scored_list: ScoredList) -> None:
    scores, labels, speakers = scored_list(40, np.random.default_rng(2))
    estimate = MetricSuite().evaluate(build_roc(scores, labels))
    found = speaker_bootstrap(scores, labels, speakers, count=300)
    assert list(found) == MetricSuite().names
    for name, interval in found.items():
        assert interval.low <= estimate[name] <= interval.high, name
        assert interval.level == 0.95
    narrow = speaker_bootstrap(scores, labels, speakers, count=300, level=0.5)
    assert narrow["eer"].high - narrow["eer"].low < found["eer"].high - found["eer"].low


def test_deviation_is_that_of_new_speakers(scored_list: ScoredList) -> None:
    """The bootstrap's deviation from one list is near the true one over fresh draws of all speakers."""
    rng = np.random.default_rng(0)
    fresh, guessed, by_trial = [], [], []
    for draw in range(60):
        scores, labels, speakers = scored_list(50, rng, noise=0.3)
        fresh.append(eer(build_roc(scores, labels)).value)
        if draw < 12:
            suite = MetricSuite(keys=("eer", "min_dcf"))
            guessed.append(speaker_bootstrap(scores, labels, speakers, suite, 100, seed=draw)["eer"].deviation)
            rows = [rng.integers(0, len(scores), len(scores)) for _ in range(20)]
            by_trial.append(np.std([eer(build_roc(scores[r], labels[r])).value for r in rows]))
    truth = np.std(fresh)
    assert 0.75 < np.mean(guessed) / truth < 1.35
    assert np.mean(by_trial) / truth < 0.75


def test_draws_without_a_class_are_left_out() -> None:
    names, side = ["a", "b"], np.array([0, 0, 1], np.int32)
    speakers = TrialSpeakers(names, side, np.array([0, 1, 1], np.int32))
    scores, labels = np.array([1.0, 0.0, 2.0]), np.array([1, 0, 1])
    values = replicates([sort_trials(scores, labels, speakers)], 2, MetricSuite(), 40)[:, 0]
    lost = np.isnan(values[:, 0])
    assert 5 < lost.sum() < 35
    assert intervals(values, MetricSuite().names)["eer"].high == 0
    assert intervals(values[lost], MetricSuite().names) == {}


def test_bad_input(scored_list: ScoredList) -> None:
    one = np.zeros(2, np.int32)
    with pytest.raises(InputError, match="at least two speakers"):
        sort_trials(np.array([1.0, 0.0]), np.array([1, 0]), TrialSpeakers(["a"], one, one))
    scores, labels, speakers = scored_list(4, np.random.default_rng(0))
    with pytest.raises(InputError, match="compare them on the same trials"):
        compare(scores, scores[1:], labels, speakers)
    scores[3] = np.nan
    with pytest.raises(InputError, match="score 4 is nan"):
        speaker_bootstrap(scores, labels, speakers, count=2)
