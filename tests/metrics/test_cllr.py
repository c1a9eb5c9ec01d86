"""Cllr by its formula, the least Cllr by isotonic regression."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from speakerssl.metrics.cllr import cllr, min_cllr, pav_llrs
from speakerssl.metrics.roc import build_roc


def _slow_cllr(target: np.ndarray, nontarget: np.ndarray) -> float:
    return float(0.5 * (np.mean(np.log2(1 + np.exp(-target))) + np.mean(np.log2(1 + np.exp(nontarget)))))


scored = st.lists(
    st.tuples(st.integers(-6, 6).map(lambda x: x / 4), st.integers(0, 1)), min_size=2, max_size=40
).filter(lambda rows: 0 < sum(y for _, y in rows) < len(rows))


@given(scored)
@settings(max_examples=100, deadline=None)
def test_cllr_against_isotonic_regression(rows: list[tuple[float, int]]) -> None:
    scores, labels = np.array([s for s, _ in rows]), np.array([y for _, y in rows])
    roc = build_roc(scores, labels)
    assert cllr(roc) == pytest.approx(_slow_cllr(scores[labels == 1], scores[labels == 0]), abs=1e-12)
    posterior = IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, labels)
    prior = labels.mean()
    with np.errstate(divide="ignore"):
        llr = np.log(posterior) - np.log(1 - posterior) - np.log(prior / (1 - prior))
        assert min_cllr(roc) == pytest.approx(_slow_cllr(llr[labels == 1], llr[labels == 0]), abs=1e-6)
    assert min_cllr(roc) <= min(1.0, cllr(roc)) + 1e-12
    starts, blocks = pav_llrs(roc)
    mapped = blocks[np.searchsorted(starts, scores, side="right") - 1]
    np.testing.assert_allclose(mapped, llr, atol=1e-6)
