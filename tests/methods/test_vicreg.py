"""VICReg against a loop."""

import numpy as np
import pytest
from torch import nn

from speakerssl.methods import VICReg
from tests.methods.conftest import X, Y, tensors


def test_vicreg_against_a_loop(encoder) -> None:
    invariance = np.mean([(X[i, d] - Y[i, d]) ** 2 for i in range(10) for d in range(4)])
    spread = np.mean([max(0.0, 1 - np.sqrt(np.var(v[:, d], ddof=1) + 1e-4)) for v in (X, Y) for d in range(4)])
    covariances = [np.cov(v.T) for v in (X, Y)]
    shared = sum(c[i, j] ** 2 for c in covariances for i in range(4) for j in range(4) if i != j) / 4
    loss = VICReg(encoder, nn.Identity()).compare(*tensors()).loss
    assert float(loss) == pytest.approx(25 * invariance + 25 * spread + shared, rel=1e-8)
