"""VICReg, Barlow Twins and W-MSE against loops, and the facts that their papers state."""

import pytest
import torch
from torch import nn

from speakerssl.methods import WMSE, BarlowTwins, VICReg
from tests.methods.conftest import tensors


@pytest.mark.parametrize("kind", [VICReg, BarlowTwins, WMSE])
def test_gradients_in_float64(encoder, kind) -> None:
    method = kind(encoder, nn.Identity())
    inputs = [v.clone().requires_grad_() for v in tensors()]

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return method.compare(x, y).loss

    assert torch.autograd.gradcheck(loss, inputs)
