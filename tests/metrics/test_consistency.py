"""OPIS against a loop over speakers and thresholds, and its limits."""

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.metrics.consistency import threshold_consistency
from speakerssl.metrics.detection import at_false_alarm
from speakerssl.metrics.roc import build_roc
from speakerssl.trials.speakers import TrialSpeakers


def _trials(seed: int = 0, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray, TrialSpeakers]:
    rng = np.random.default_rng(seed)
    enrol = rng.integers(0, 12, 4000).astype(np.int32)
    test = np.where(rng.random(4000) < 0.4, enrol, rng.integers(0, 12, 4000)).astype(np.int32)
    labels = (enrol == test).astype(np.int8)
    shift = spread * rng.standard_normal(13)
    scores = np.round(rng.standard_normal(4000) + labels * 2.5 + 0.5 * (shift[enrol] + shift[test]), 2)
    # The last speaker never stands on the target side.
    rows = (enrol != 11) | (labels == 0)
    return scores[rows], labels[rows], TrialSpeakers([f"s{i}" for i in range(13)], enrol[rows], test[rows])


def test_against_a_loop() -> None:
    scores, labels, speakers = _trials()
    roc = build_roc(scores, labels)
    found = threshold_consistency(roc, scores, labels, speakers, epsilon=0.2)
    high, low = at_false_alarm(roc, 1e-2).threshold, at_false_alarm(roc, 1e-1).threshold
    table = []
    for speaker in range(11):
        targets = scores[(labels == 1) & (speakers.enrol == speaker)]
        nontargets = scores[(labels == 0) & ((speakers.enrol == speaker) | (speakers.test == speaker))]
        row = []
        for threshold in np.linspace(low, high, 101):
            sens, spec = np.mean(targets >= threshold), np.mean(nontargets < threshold)
            row.append(2 * sens * spec / (sens + spec) if sens + spec else 0.0)
        table.append(row)
    utility = np.array(table)
    deviation = ((utility - utility.mean(axis=0)) ** 2).mean(axis=1)
    np.testing.assert_allclose(found.utility, utility, atol=1e-12)
    assert found.opis == pytest.approx(deviation.mean())
    assert found.worst_opis == pytest.approx(np.sort(deviation)[-2:].mean())
    assert found.worst[0] == f"s{deviation.argmax()}"
    assert found.names == [f"s{i}" for i in range(11)]
    assert found.left_out == 2


def test_order_does_not_matter_and_spread_does() -> None:
    scores, labels, speakers = _trials()
    order = np.random.default_rng(1).permutation(len(scores))
    roc = build_roc(scores, labels)
    one = threshold_consistency(roc, scores, labels, speakers)
    other = threshold_consistency(roc, scores[order], labels[order], speakers.select(order))
    assert (one.opis, one.worst_opis, one.worst) == (other.opis, other.worst_opis, other.worst)
    even = _trials(spread=0.0)
    assert threshold_consistency(build_roc(*even[:2]), *even).opis < 0.3 * one.opis
    assert one.worst_opis >= one.opis


def test_no_speaker_with_both() -> None:
    speakers = TrialSpeakers(["a", "b", "c"], np.array([0, 1], np.int32), np.array([0, 2], np.int32))
    scores, labels = np.array([1.0, 0.0]), np.array([1, 0])
    with pytest.raises(InputError, match="no speaker has both"):
        threshold_consistency(build_roc(scores, labels), scores, labels, speakers)
