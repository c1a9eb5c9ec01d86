"""The entropy of coordinates."""

import math

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.build import build_regularizers
from speakerssl.losses.regularizers.entropy import vasicek_entropy
from speakerssl.losses.vectors import normalize
from tests.losses.regularizers.conftest import D, batch, value


def slow_vasicek(samples: list[float]) -> float:
    n = len(samples)
    m = round(math.sqrt(n))
    ordered = sorted(samples)
    return sum(math.log((n + 1) / m * (ordered[i + m] - ordered[i]) + 1e-7) for i in range(n - m)) / (n - m)


def test_entropy_equals_a_slow_loop() -> None:
    for coordinates in ("sigmoid", "normal_cdf"):
        expected = 0.0
        for view in batch():
            if coordinates == "sigmoid":
                inside = (1 / (1 + torch.exp(-view))).tolist()
            else:
                scaled = (normalize(view) * math.sqrt(D)).tolist()
                inside = [[0.5 * (1 + math.erf(x / math.sqrt(2))) for x in row] for row in scaled]
            columns = [list(column) for column in zip(*inside, strict=True)]
            covariance = torch.cov(torch.tensor(columns).double())
            shared = (covariance.square().sum() - covariance.diagonal().square().sum()).item() / D
            expected += (-2 * sum(map(slow_vasicek, columns)) / D + 5 * shared) / 2
        config = {"name": "entropy", "coordinates": coordinates, "beta": 2, "gamma": 5}
        assert value(config, *batch()) == pytest.approx(expected, abs=1e-6)


def test_vasicek_entropy_knows_the_uniform_distribution() -> None:
    samples = torch.rand(4000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert vasicek_entropy(samples).tolist() == pytest.approx([0, 0], abs=0.05)
    assert vasicek_entropy(samples / 2).tolist() == pytest.approx([-math.log(2)] * 2, abs=0.05)


def test_entropy_lists_its_coordinates() -> None:
    with pytest.raises(InputError, match="normal_cdf, sigmoid"):
        build_regularizers({"name": "entropy", "coordinates": "cube"})
