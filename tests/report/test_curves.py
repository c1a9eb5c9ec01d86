"""Thinned curves stay on the full ones; histograms count every trial."""

import numpy as np
import pytest
from scipy.special import ndtri

from speakerssl.metrics.roc import build_roc
from speakerssl.report.curves import histogram, thin_by_deviates, thin_by_shape
from speakerssl.report.model import significant


def test_thinned_det_curve_stays_close_to_the_full_one() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(50_000) % 10 == 0
    roc = build_roc(rng.normal(labels * 2.5, 1.0), labels)
    keep = thin_by_deviates(roc.p_fa, roc.p_miss, 300)
    assert len(keep) <= 301
    assert keep[0] == 0
    assert keep[-1] == len(roc.thresholds) - 1
    inside = (roc.p_fa > 1e-3) & (roc.p_fa < 0.9)
    back = np.interp(-ndtri(roc.p_fa[inside]), -ndtri(np.clip(roc.p_fa[keep], 1e-7, 1 - 1e-7)),
                     ndtri(np.clip(roc.p_miss[keep], 1e-7, 1 - 1e-7)))  # fmt: skip
    full = ndtri(np.clip(roc.p_miss[inside], 1e-7, 1 - 1e-7))
    usual = roc.p_miss[inside] > 2e-3
    assert np.max(np.abs(back - full)[usual]) < 0.06


def test_thinning_keeps_short_curves_whole() -> None:
    assert thin_by_shape(np.arange(5.0), np.zeros(5), 10).tolist() == [0, 1, 2, 3, 4]
    assert thin_by_shape(np.zeros(1), np.zeros(1), 10).tolist() == [0]


def test_thinning_follows_the_steps_of_a_staircase() -> None:
    x = np.arange(1000.0)
    y = np.where(x < 500, 0.0, 1.0)
    kept = thin_by_shape(x, y, 50)
    assert {0, 999} <= set(kept.tolist())
    assert any(490 <= k <= 510 for k in kept)


@pytest.mark.parametrize("decimals", [1, 2, 3, 12])
def test_histogram_counts_every_trial_in_its_bin(decimals: int) -> None:
    rng = np.random.default_rng(5)
    labels = rng.random(4000) < 0.3
    scores = np.round(rng.uniform(-1, 1, 4000) + labels, decimals)
    edges, target, nontarget = histogram(build_roc(scores, labels))
    assert 40 <= len(target) <= 170 or decimals == 1
    assert np.allclose([target.sum(), nontarget.sum()], 1.0)
    for shares, part in ((target, scores[labels]), (nontarget, scores[~labels])):
        for k, share in enumerate(shares):
            inside = np.sum((part >= edges[k] - 1e-9) & (part < edges[k + 1] - 1e-9))
            assert share * len(part) == pytest.approx(inside)


def test_histogram_is_not_squeezed_by_an_outlier() -> None:
    rng = np.random.default_rng(6)
    scores, labels = rng.normal(size=10_000), np.arange(10_000) % 2
    scores[17] = 1e6
    edges, target, nontarget = histogram(build_roc(scores, labels))
    assert edges[-1] < 10
    assert np.allclose([target.sum(), nontarget.sum()], 1.0)


def test_histogram_of_one_value() -> None:
    edges, target, nontarget = histogram(build_roc(np.zeros(4), np.array([0, 1, 0, 1])))
    assert target.tolist() == nontarget.tolist() == [1.0]
    assert len(edges) == 2


def test_significant_digits() -> None:
    assert significant(np.array([1 / 3, 123456789.0])) == [0.333333, 123457000.0]
