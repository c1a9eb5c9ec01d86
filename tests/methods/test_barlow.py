"""Barlow Twins against a loop."""

import numpy as np
import pytest
from torch import nn

from speakerssl.methods import BarlowTwins
from tests.methods.conftest import X, Y, tensors


def test_barlow_against_a_loop(encoder) -> None:
    a, b = ((v - v.mean(0)) / np.sqrt(v.var(0) + 1e-5) for v in (X, Y))
    total = 0.0
    for i in range(4):
        for j in range(4):
            c = sum(a[n, i] * b[n, j] for n in range(10)) / 10
            total += (1 - c) ** 2 if i == j else 0.005 * c**2
    assert float(BarlowTwins(encoder, nn.Identity()).compare(*tensors()).loss) == pytest.approx(total, rel=1e-8)
