"""W-MSE against a loop, and the facts that its paper states."""

import numpy as np
import pytest
import torch
from torch import nn

from speakerssl.errors import InputError, JobError
from speakerssl.methods import WMSE
from speakerssl.methods.wmse import whiten
from tests.methods.conftest import X, Y, tensors


def test_whitened_projections_have_covariance_one() -> None:
    white = whiten(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(np.cov(white.T), np.eye(4), atol=1e-8)
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-8)


def test_wmse_against_a_loop_and_blind_to_linear_maps(encoder) -> None:
    method = WMSE(encoder, nn.Identity(), sub_batch=10)
    white = []
    for view in (X, Y):
        factor = np.linalg.cholesky(np.cov(view.T))
        rows = (view - view.mean(0)) @ np.linalg.inv(factor).T
        white.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    expected = np.mean([2 - 2 * white[0][i] @ white[1][i] for i in range(10)])
    assert method.compare(*tensors()).loss.item() == pytest.approx(expected, rel=1e-8)
    x = tensors()[0]
    lower = torch.tril(torch.rand(4, 4, dtype=torch.float64)) + torch.eye(4)
    assert method.compare(x, 3 + x @ lower.T).loss.item() == pytest.approx(0, abs=1e-8)


def test_wmse_says_when_it_cannot_whiten(encoder) -> None:
    with pytest.raises(InputError, match="sub-batches of 4 recordings cannot whiten 4 dimensions"):
        WMSE(encoder, nn.Identity(), sub_batch=4).compare(torch.randn(8, 4), torch.randn(8, 4))
    with pytest.raises(JobError, match="fewer dimensions"):
        WMSE(encoder, nn.Identity(), sub_batch=8).compare(torch.ones(8, 4), torch.ones(8, 4))
