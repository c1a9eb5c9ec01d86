"""Speaker bootstrap: weights equal written-out copies, intervals cover, threads and order change nothing."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.bootstrap import intervals, replicates, speaker_bootstrap, speaker_copies
from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.comparison import compare, p_value, seed_means
from speakerssl.metrics.detection import actual_dcf, at_false_alarm, auc, eer, eer_hull, min_dcf
from speakerssl.metrics.roc import Roc, build_roc
from speakerssl.metrics.sorted_trials import sort_trials
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.speakers import TrialSpeakers


def _list(
    speakers: int, rng: np.random.Generator, noise: float = 1.0, recordings: int = 3
) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    """All trials between recordings of random speakers whose targets and non-targets have effects of their own."""
    voice = rng.standard_normal(speakers)
    lamb = rng.standard_normal(speakers)
    who = np.repeat(np.arange(speakers, dtype=np.int32), recordings)
    i, j = np.triu_indices(len(who), 1)
    enrol, test = who[i], who[j]
    labels = (enrol == test).astype(np.int8)
    effect = np.where(labels == 1, 3 + 1.5 * voice[enrol], 0.5 * (lamb[enrol] + lamb[test]))
    scores = effect + noise * rng.standard_normal(len(enrol))
    return scores, labels, TrialSpeakers([f"s{k}" for k in range(speakers)], enrol, test)


@pytest.fixture
def small() -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    scores, labels, speakers = _list(7, np.random.default_rng(0))
    return np.round(scores, 1), labels, speakers


def test_battery_is_the_single_metrics(small: tuple[np.ndarray, np.ndarray, TrialSpeakers]) -> None:
    scores, labels, _ = small
    roc = build_roc(scores, labels)
    found = MetricSuite((0.05,), 2.0, 3.0, (0.1,)).evaluate(roc)
    fixed = at_false_alarm(roc, 0.1)
    expected = {
        "eer": eer(roc).value,
        "eer_hull": eer_hull(roc).value,
        "auc": auc(roc),
        "cllr": cllr(roc),
        "min_cllr": min_cllr(roc),
        "min_dcf@0.05": min_dcf(roc, 0.05, 2, 3).value,
        "actual_dcf@0.05": actual_dcf(roc, 0.05, 2, 3).value,
        "precision@0.1": fixed.precision,
        "recall@0.1": fixed.recall,
    }
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, abs=1e-12)


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


def test_corners_change_no_bit() -> None:
    """Every replicate is that of all operating points: long runs of one class, ties within and between the classes."""
    rng = np.random.default_rng(1)
    scores, labels, speakers = _list(9, rng)
    suite = MetricSuite((0.01, 0.3), false_alarms=(0.0, 0.05, 1.0))
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
                assert suite.values(Roc(roc.thresholds, misses, below[-1] - below)) == values[row].tolist()
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


def test_interval_of_all_metrics_holds_the_estimate() -> None:
    scores, labels, speakers = _list(40, np.random.default_rng(2))
    estimate = MetricSuite().evaluate(build_roc(scores, labels))
    found = speaker_bootstrap(scores, labels, speakers, count=300)
    assert list(found) == MetricSuite().names
    for name, interval in found.items():
        assert interval.low <= estimate[name] <= interval.high, name
        assert interval.level == 0.95
    narrow = speaker_bootstrap(scores, labels, speakers, count=300, level=0.5)
    assert narrow["eer"].high - narrow["eer"].low < found["eer"].high - found["eer"].low


def test_deviation_is_that_of_new_speakers() -> None:
    """The bootstrap's deviation from one list is near the true one over fresh draws of all speakers."""
    rng = np.random.default_rng(0)
    fresh, guessed, by_trial = [], [], []
    for draw in range(60):
        scores, labels, speakers = _list(50, rng, noise=0.3)
        fresh.append(eer(build_roc(scores, labels)).value)
        if draw < 12:
            suite = MetricSuite(keys=("eer", "min_dcf"))
            guessed.append(speaker_bootstrap(scores, labels, speakers, suite, 100, seed=draw)["eer"].deviation)
            rows = [rng.integers(0, len(scores), len(scores)) for _ in range(20)]
            by_trial.append(np.std([eer(build_roc(scores[r], labels[r])).value for r in rows]))
    truth = np.std(fresh)
    assert 0.75 < np.mean(guessed) / truth < 1.35
    assert np.mean(by_trial) / truth < 0.75


def test_paired_comparison_sees_what_intervals_do_not() -> None:
    scores, labels, speakers = _list(40, np.random.default_rng(4))
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


def test_comparison_is_antisymmetric() -> None:
    scores, labels, speakers = _list(20, np.random.default_rng(7))
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


def test_means_over_seeds_are_paired() -> None:
    scores, labels, speakers = _list(15, np.random.default_rng(3))
    worse = [scores + np.random.default_rng(seed).standard_normal(len(scores)) for seed in (1, 2)]
    found = seed_means({"plain": [scores], "worse": worse, "again": [scores]}, labels, speakers, count=60)
    np.testing.assert_array_equal(found["plain"], found["again"])
    alone = [seed_means({"x": [one]}, labels, speakers, count=60)["x"] for one in worse]
    np.testing.assert_allclose(found["worse"], np.mean(alone, axis=0), atol=1e-15)
    assert np.mean(found["plain"] < found["worse"]) > 0.5


def test_no_difference_is_seldom_significant() -> None:
    rng = np.random.default_rng(9)
    small = 0
    for _ in range(30):
        scores, labels, speakers = _list(25, rng, recordings=2)
        pair = [scores + 0.5 * rng.standard_normal(len(scores)) for _ in range(2)]
        found = compare(*pair, labels, speakers, MetricSuite(keys=("eer", "min_dcf")), 99)
        small += found["eer"].p_value < 0.05
    assert small <= 5


def test_draws_without_a_class_are_left_out() -> None:
    names, side = ["a", "b"], np.array([0, 0, 1], np.int32)
    speakers = TrialSpeakers(names, side, np.array([0, 1, 1], np.int32))
    scores, labels = np.array([1.0, 0.0, 2.0]), np.array([1, 0, 1])
    values = replicates([sort_trials(scores, labels, speakers)], 2, MetricSuite(), 40)[:, 0]
    lost = np.isnan(values[:, 0])
    assert 5 < lost.sum() < 35
    assert intervals(values, MetricSuite().names)["eer"].high == 0
    assert intervals(values[lost], MetricSuite().names) == {}


def test_bad_input() -> None:
    one = np.zeros(2, np.int32)
    with pytest.raises(InputError, match="at least two speakers"):
        sort_trials(np.array([1.0, 0.0]), np.array([1, 0]), TrialSpeakers(["a"], one, one))
    scores, labels, speakers = _list(4, np.random.default_rng(0))
    with pytest.raises(InputError, match="compare them on the same trials"):
        compare(scores, scores[1:], labels, speakers)
    scores[3] = np.nan
    with pytest.raises(InputError, match="score 4 is nan"):
        speaker_bootstrap(scores, labels, speakers, count=2)
