"""Gradients are bounded together, or each on its own."""

from typing import Any

import torch
from torch import nn

from speakerssl.training.clipping import clip_gradients


def parameters() -> Any:
    made = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(1))]
    made[0].grad, made[1].grad = torch.tensor([3.0, 0.0, 4.0]), torch.full((2, 2), 0.5)
    return made


def test_each_parameter_on_its_own_as_in_dino() -> None:
    made = parameters()
    expected = []
    for gradient in (made[0].grad, made[1].grad):
        assert gradient is not None
        norm = gradient.norm(2)
        coefficient = 3.0 / (norm + 1e-6)
        expected.append(gradient * coefficient if coefficient < 1 else gradient.clone())
    clip_gradients(made, 3.0, each=True)
    torch.testing.assert_close([made[0].grad, made[1].grad], expected)
    assert made[2].grad is None


def test_all_together_and_not_at_all() -> None:
    made = parameters()
    clip_gradients(made, 3.0)
    total = torch.cat([made[0].grad, made[1].grad.flatten()]).norm()
    assert abs(total.item() - 3.0) < 1e-4
    made = parameters()
    clip_gradients(made, None)
    assert made[0].grad.tolist() == [3.0, 0.0, 4.0]
