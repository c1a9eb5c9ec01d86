"""Sinkhorn against the plain iteration, and its marginals."""

import numpy as np
import pytest
import torch

from speakerssl.methods.sinkhorn import sinkhorn


def test_against_the_plain_iteration() -> None:
    scores = np.random.default_rng(0).uniform(-1, 1, (6, 4))
    q = np.exp(scores / 0.3)
    for _ in range(3):
        q /= q.sum(axis=0, keepdims=True)
        q /= q.sum(axis=1, keepdims=True)
    found = sinkhorn(torch.from_numpy(scores), epsilon=0.3, iterations=3)
    np.testing.assert_allclose(found.numpy(), q, rtol=1e-5)


def test_rows_and_columns_are_balanced() -> None:
    scores = torch.rand(32, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codes = sinkhorn(scores, epsilon=0.05, iterations=200)
    torch.testing.assert_close(codes.sum(1), torch.ones(32), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(codes.sum(0), torch.full((8,), 4.0), rtol=1e-2, atol=1e-2)


def test_sharp_temperatures_stay_finite_and_equal_scores_give_equal_shares() -> None:
    assert torch.isfinite(sinkhorn(torch.randn(16, 5) * 100, epsilon=1e-3)).all()
    assert sinkhorn(torch.zeros(4, 5)).numpy() == pytest.approx(0.2)
