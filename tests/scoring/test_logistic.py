"""Prior-weighted logistic regression against scipy's minimizer, closed answers and limits."""

import numpy as np
import pytest
from scipy.optimize import minimize

from speakerssl.errors import InputError
from speakerssl.scoring.logistic import fit_logistic, logit, weighted_objective


def sample(size: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.2).astype(np.int8)
    return np.column_stack([rng.normal(3.0 * labels - 1, 1.2), 40 + 9 * rng.standard_normal(size)]), labels


@pytest.mark.parametrize("prior", [0.5, 0.01, 0.9])
def test_minimum_of_the_objective(prior: float) -> None:
    inputs, labels = sample()

    def loss(point: np.ndarray) -> float:
        return weighted_objective(inputs @ point[:2] + point[2], labels, prior)

    best = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 9999})
    weights, bias = fit_logistic(inputs, labels, prior)
    assert loss(np.append(weights, bias)) <= best.fun + 1e-10
    gradient = [
        (loss(np.append(weights, bias) + step) - loss(np.append(weights, bias) - step)) / 2e-5
        for step in 1e-5 * np.eye(3)
    ]
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_gaussian_scores_give_their_known_ratio() -> None:
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(2, 1.5, 400_000), rng.normal(-1, 1.5, 400_000)])
    labels = np.repeat([1, 0], 400_000)
    weights, bias = fit_logistic(scores[:, None], labels, 0.3)
    np.testing.assert_allclose([weights[0], bias], [3 / 1.5**2, -0.5 * 3 / 1.5**2], rtol=0.02)


def test_affine_change_of_inputs_does_not_change_the_ratios() -> None:
    inputs, labels = sample()
    one = fit_logistic(inputs, labels)
    moved = inputs * [1e-6, -1e5] + [1e3, 7]
    other = fit_logistic(moved, labels)
    np.testing.assert_allclose(inputs @ one[0] + one[1], moved @ other[0] + other[1], atol=1e-5)


def test_a_copied_system_shares_its_weight() -> None:
    inputs, labels = sample()
    single, bias = fit_logistic(inputs[:, :1], labels)
    double, again = fit_logistic(inputs[:, [0, 0]], labels)
    np.testing.assert_allclose([double.sum(), again], [single[0], bias], rtol=1e-6)
    np.testing.assert_allclose(double[0], double[1], rtol=1e-6)


def test_separated_classes_stay_finite() -> None:
    scores = np.array([-3.0, -2, -1, 1, 2, 3])
    weights, bias = fit_logistic(scores[:, None], scores > 0)
    assert np.isfinite(weights).all()
    llrs = scores * weights + bias
    assert weighted_objective(llrs, scores > 0, 0.5) < 1e-5


def test_objective_by_hand() -> None:
    llrs, labels = np.array([1.0, -2.0, 0.5]), np.array([1, 0, 0])
    expected = 0.5 * np.log2(1 + np.exp(-1)) + 0.25 * (np.log2(1 + np.exp(-2)) + np.log2(1 + np.exp(0.5)))
    np.testing.assert_allclose(weighted_objective(llrs, labels, 0.5), expected)


def test_bad_input() -> None:
    inputs, labels = sample(50)
    with pytest.raises(InputError, match="0 target and 50 non-target trials; training needs both"):
        fit_logistic(inputs, np.zeros(50))
    with pytest.raises(InputError, match="input 2 of the logistic regression is the same for all trials"):
        fit_logistic(inputs * [1, 0], labels)
    with pytest.raises(InputError, match="a probability between 0 and 1"):
        logit(1.0)
