"""Metrics of all systems, their intervals and paired differences from the same draws."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.metrics.comparison import compare
from speakerssl.metrics.suite import MetricSuite
from speakerssl.report.estimates import estimate
from speakerssl.report.systems import Systems, load_systems
from speakerssl.trials.speakers import TrialSpeakers, read_utt2spk, trial_speakers

Lists = tuple[Path, Path, np.ndarray, np.ndarray]


@pytest.fixture
def two(tmp_path: Path, small_list: Lists) -> tuple[Systems, TrialSpeakers]:
    """The small list's system, and one that is worse."""
    trials, score_file, scores, _ = small_list
    noise = np.random.default_rng(0).normal(0, 1, len(scores))
    lines = score_file.read_text().splitlines()
    worse = [f"{line.rsplit(' ', 1)[0]} {score:.4f}\n" for line, score in zip(lines, scores + noise)]
    (tmp_path / "worse.txt").write_text("".join(worse))
    systems = load_systems([score_file, tmp_path / "worse.txt"], None, trials)
    return systems, trial_speakers(systems.trials, read_utt2spk(tmp_path / "utt2spk"))


def test_values_are_those_of_the_suite_and_differences_those_of_compare(two: tuple[Systems, TrialSpeakers]) -> None:
    systems, speakers = two
    found = estimate(systems, [0.05], speakers, count=40, seed=3)
    suite = MetricSuite(p_targets=(0.05,))
    for system, values in zip(systems.systems, found.values):
        for name, value in suite.evaluate(system.roc).items():
            assert values[name] == value
    first, second = (system.scores for system in systems.systems)
    expected = compare(first, second, systems.labels, speakers, suite, 40, 3)
    assert found.differences[0] == {}
    assert found.differences[1]["eer"] == expected["eer"]
    assert found.differences[1]["eer"].difference > 0
    assert (found.speakers, found.count, found.seed) == (12, 40, 3)
    for metric in found.metrics:
        assert all(metric.key in values for values in found.values)


def test_without_speakers_or_draws_there_are_no_intervals(two: tuple[Systems, TrialSpeakers]) -> None:
    systems, speakers = two
    plain = estimate(systems, [0.05])
    assert (plain.intervals, plain.differences, plain.speakers) == ([], [], 0)
    assert "opis" not in [metric.key for metric in plain.metrics]
    counted = estimate(systems, [0.05], speakers, count=0)
    assert counted.intervals == []
    assert counted.values[0]["opis"] > 0
