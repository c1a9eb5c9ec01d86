"""Which metrics at which settings: names, labels, definitions, values."""

from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.metrics.cllr import cllr, min_cllr
from speakerssl.metrics.detection import actual_dcf, at_false_alarm, auc, eer, eer_hull, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.metrics.suite import MetricSuite
from speakerssl.trials.speakers import TrialSpeakers

ScoredList = Callable[..., tuple[np.ndarray, np.ndarray, TrialSpeakers]]


@pytest.fixture
def small(scored_list: ScoredList) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    scores, labels, speakers = scored_list(7, np.random.default_rng(0))
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


def test_each_metric_stands_at_each_of_its_settings() -> None:
    suite = MetricSuite((0.01, 0.2), false_alarms=(0.1,))
    names = suite.names
    assert names == [member.name for member in suite.members]
    assert len(set(names)) == len(names)
    assert {"min_dcf@0.01", "min_dcf@0.2", "recall@0.1"} <= set(names)
    assert [name for name in names if name.startswith("eer@")] == []
    by_name = {member.name: member for member in suite.members}
    assert by_name["eer"].parameter is None
    assert by_name["min_dcf@0.2"].parameter == 0.2
    assert by_name["min_dcf@0.2"].label == "minDCF (p=0.2)"
    assert by_name["recall@0.1"].label.endswith(" at 10 % false alarms")
    assert by_name["recall@0.1"].definition == by_name["precision@0.1"].definition
    assert by_name["eer"].definition == by_name["eer"].metric.definition


def test_some_metrics_alone_have_the_same_values(small: tuple[np.ndarray, np.ndarray, TrialSpeakers]) -> None:
    scores, labels, _ = small
    roc = build_roc(scores, labels)
    some = MetricSuite((0.05,), keys=("eer", "min_dcf"))
    assert some.names == ["eer", "min_dcf@0.05"]
    whole = MetricSuite((0.05,)).evaluate(roc)
    assert some.evaluate(roc) == {name: whole[name] for name in some.names}
