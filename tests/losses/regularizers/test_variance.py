"""VICReg's variance and covariance."""

import math

import pytest

from tests.losses.regularizers.conftest import D, N, batch, value


def test_variance_covariance_equals_a_slow_loop() -> None:
    variance = covariance = 0.0
    for view in batch():
        columns = view.T.tolist()
        means = [sum(column) / N for column in columns]
        for i in range(D):
            spread_i = sum((x - means[i]) ** 2 for x in columns[i]) / (N - 1)
            variance += max(0.0, 1 - math.sqrt(spread_i + 1e-4)) / D / 2
            for j in range(D):
                if i != j:
                    shared = sum((columns[i][n] - means[i]) * (columns[j][n] - means[j]) for n in range(N)) / (N - 1)
                    covariance += shared**2 / D
    expected = 3 * variance + 0.5 * covariance
    config = {"name": "vicreg", "variance": 3, "covariance": 0.5}
    assert value(config, *batch()) == pytest.approx(expected, abs=1e-12)
