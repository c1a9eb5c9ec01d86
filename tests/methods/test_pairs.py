"""VICReg, Barlow Twins and W-MSE against loops, and the facts that their papers state."""

import numpy as np
import pytest
import torch
from torch import nn

from speakerssl.errors import InputError, JobError
from speakerssl.methods import WMSE, BarlowTwins, VICReg
from speakerssl.methods.wmse import whiten

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((10, 4)) * [1, 2, 0.5, 0.1], rng.standard_normal((10, 4))


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(X), torch.from_numpy(Y)


def test_vicreg_against_a_loop(encoder) -> None:
    invariance = np.mean([(X[i, d] - Y[i, d]) ** 2 for i in range(10) for d in range(4)])
    spread = np.mean([max(0.0, 1 - np.sqrt(np.var(v[:, d], ddof=1) + 1e-4)) for v in (X, Y) for d in range(4)])
    covariances = [np.cov(v.T) for v in (X, Y)]
    shared = sum(c[i, j] ** 2 for c in covariances for i in range(4) for j in range(4) if i != j) / 4
    loss = VICReg(encoder, nn.Identity()).compare(*tensors()).loss
    assert float(loss) == pytest.approx(25 * invariance + 25 * spread + shared, rel=1e-8)


def test_barlow_against_a_loop(encoder) -> None:
    a, b = ((v - v.mean(0)) / np.sqrt(v.var(0) + 1e-5) for v in (X, Y))
    total = 0.0
    for i in range(4):
        for j in range(4):
            c = sum(a[n, i] * b[n, j] for n in range(10)) / 10
            total += (1 - c) ** 2 if i == j else 0.005 * c**2
    assert float(BarlowTwins(encoder, nn.Identity()).compare(*tensors()).loss) == pytest.approx(total, rel=1e-8)


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


@pytest.mark.parametrize("kind", [VICReg, BarlowTwins, WMSE])
def test_gradients_in_float64(encoder, kind) -> None:
    method = kind(encoder, nn.Identity())
    inputs = [v.clone().requires_grad_() for v in tensors()]

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return method.compare(x, y).loss

    assert torch.autograd.gradcheck(loss, inputs)
