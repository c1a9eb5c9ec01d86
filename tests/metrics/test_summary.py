"""Everything that is known about a set of scores, each number with its definition."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.detection import at_false_alarm, eer, min_dcf
from speakerssl.metrics.roc import build_roc
from speakerssl.metrics.summary import SummaryOptions, summarize
from speakerssl.trials.speakers import TrialSpeakers

List = tuple[np.ndarray, np.ndarray, TrialSpeakers]


@pytest.fixture
def listed(scored_list: Callable[..., List]) -> List:
    return scored_list(8, np.random.default_rng(0))


def test_numbers_are_those_of_the_metrics(listed: List) -> None:
    scores, labels, _ = listed
    roc = build_roc(scores, labels)
    found = summarize(scores, labels, SummaryOptions((0.2, 0.01), 2.0, 3.0, (0.1,)))
    assert (found["trials"], found["targets"]) == (len(scores), int(labels.sum()))
    assert found["eer_percent"] == pytest.approx(100 * eer(roc).value)
    assert [cost["p_target"] for cost in found["costs"]] == [0.2, 0.01]
    assert found["min_dcf"] == found["costs"][0]["min_dcf"] == pytest.approx(min_dcf(roc, 0.2, 2.0, 3.0).value)
    assert (
        at_false_alarm(roc, 0.1).recall in json.loads(json.dumps(found, default=float))["fixed_false_alarm"][0].values()
    )


def test_what_is_shown_has_a_definition(listed: List) -> None:
    scores, labels, speakers = listed
    found = summarize(scores, labels, SummaryOptions(bootstrap=10), speakers=speakers)
    json.dumps(found)  # plain values alone
    assert {"eer_percent", "min_dcf", "cllr"} <= found["definitions"].keys()
    assert found["speakers"] == 8
    assert found["bootstrap"] == {"replicates": 10, "seed": 0, "level": 0.95}
    for name in ("eer_percent", "min_dcf", "auc"):
        assert found["intervals"][name]["low"] <= found[name] <= found["intervals"][name]["high"]


def test_without_speakers_there_are_no_intervals(listed: List) -> None:
    scores, labels, _ = listed
    assert "intervals" not in summarize(scores, labels)
    assert "consistency" not in summarize(scores, labels)


def test_bad_scores_are_named(listed: List) -> None:
    scores, labels, _ = listed
    with pytest.raises(InputError, match="scores: there are no target trials"):
        summarize(scores, 0 * labels)
