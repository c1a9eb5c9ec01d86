"""Isotonic calibration against scikit-learn, a slow pool, and its promises."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from speakerssl.errors import InputError
from speakerssl.scoring.isotonic import fit_isotonic, pool
from speakerssl.scoring.logistic import weighted_objective


def sample(seed: int, size: int = 400, decimals: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(size) < 0.3
    return np.round(rng.normal(2.0 * labels, 1), decimals), labels.astype(np.int8)


@pytest.mark.parametrize("seed", range(5))
def test_pool_is_isotonic_regression(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 5, 60)
    hits = weights * np.clip(np.linspace(0.2, 0.8, 60) + 0.3 * rng.standard_normal(60), 0, 1)
    reference = IsotonicRegression().fit_transform(np.arange(60), hits / weights, sample_weight=weights)
    np.testing.assert_allclose(pool(hits, weights), reference, atol=1e-12)


@pytest.mark.parametrize("decimals", [1, 6])
def test_ratios_are_posterior_odds_over_prior_odds(decimals: int) -> None:
    scores, labels = sample(1, decimals=decimals)
    model = fit_isotonic(scores, labels)
    low, high = scores.min() - 1, scores.max() + 1
    x = np.concatenate([[low, low], scores, [high, high]])
    y = np.concatenate([[0, 1], labels, [0, 1]])
    posterior = IsotonicRegression().fit(x, y).predict(scores)
    prior = labels.mean()
    expected = np.log(posterior / (1 - posterior)) - np.log(prior / (1 - prior))
    np.testing.assert_allclose(model.apply(scores), expected, atol=1e-9)


def test_map_rises_and_is_finite_and_order_does_not_matter() -> None:
    scores, labels = sample(2)
    order = np.random.default_rng(0).permutation(len(scores))
    model, other = fit_isotonic(scores, labels), fit_isotonic(scores[order], labels[order])
    grid = np.linspace(-10, 10, 500)
    assert np.isfinite(model.apply(grid)).all()
    assert (np.diff(model.apply(grid)) >= 0).all()
    assert np.array_equal(model.apply(grid), other.apply(grid))


def test_no_other_rising_map_does_better_by_more_than_laplaces_rule_costs() -> None:
    scores, labels = sample(3, 5000, 3)
    best = weighted_objective(fit_isotonic(scores, labels).apply(scores), labels, 0.5)
    for power in (0.5, 1, 2):
        assert best < weighted_objective(power * (2 * scores - 2), labels, 0.5)


def test_one_class_only() -> None:
    with pytest.raises(InputError, match="training needs both classes"):
        fit_isotonic(np.arange(4.0), np.ones(4))
