"""The hardest trials against a full sort, with ties and short lists."""

import numpy as np
import pytest

from speakerssl.report.hardest import hardest_trials


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("count", [1, 7, 5000])
def test_same_as_a_stable_sort(decimals: int, count: int) -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random(900) < 0.25).astype(np.int8)
    scores = np.round(rng.normal(labels * 1.5, 1.0), decimals)
    targets, nontargets = hardest_trials(scores, labels, count)
    slow_targets = sorted(np.flatnonzero(labels == 1), key=lambda i: scores[i])[:count]
    slow_nontargets = sorted(np.flatnonzero(labels == 0), key=lambda i: -scores[i])[:count]
    assert [trial.index for trial in targets] == slow_targets
    assert [trial.index for trial in nontargets] == slow_nontargets
    for trial in targets[:5]:
        assert trial.score == scores[trial.index]
        assert trial.beyond == pytest.approx(np.mean(scores[labels == 0] >= trial.score))
    for trial in nontargets[:5]:
        assert trial.beyond == pytest.approx(np.mean(scores[labels == 1] <= trial.score))


def test_none_asked_for() -> None:
    assert hardest_trials(np.array([0.0, 1.0]), np.array([0, 1]), 0) == ([], [])
