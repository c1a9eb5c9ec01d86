"""The multi-head loss is a sum of contrastive losses of projections, at temperatures of their own."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.losses import build_loss
from speakerssl.losses.vectors import normalize

DIM, N = 6, 5


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    view1 = torch.randn(N, DIM, generator=generator, dtype=torch.float64)
    return view1, view1 + 0.5 * torch.randn(N, DIM, generator=generator, dtype=torch.float64)


def build(symmetry: str = "both_views", **options: object) -> Any:
    torch.manual_seed(0)
    heads = {"dim": DIM, "heads": 4, "hidden_dim": 7, "out_dim": 3, **options}
    config = {"name": "multi_head", "symmetry": symmetry, "margin": 0.1, "temperature": 0.2, "multi_head": heads}
    return build_loss(config).double()


def test_at_the_start_every_head_has_the_temperature_of_the_core() -> None:
    output = build()(*batch())
    assert output.logs["temperature"] == pytest.approx(0.2)


@pytest.mark.parametrize("symmetry", ["one_direction", "both_views"])
def test_equals_a_slow_loop(symmetry: str) -> None:
    loss = build(symmetry, beta=0.3)
    for head in loss.heads:
        torch.nn.init.normal_(head.temperature.weight)
    view1, view2 = batch()
    total = 0.0
    for head in loss.heads:
        projected = torch.cat([head.projection(view1), head.projection(view2)])
        units = normalize(projected)
        anchors = N if symmetry == "one_direction" else 2 * N
        for i in range(anchors):
            tau = torch.nn.functional.softplus(head.temperature(projected[i])).item() + 0.01
            partner = (i + N) % (2 * N)
            positive = ((units[i] @ units[partner]).item() - 0.1) / tau
            candidates = range(N, 2 * N) if symmetry == "one_direction" else range(2 * N)
            negatives = [(units[i] @ units[j]).item() / tau for j in candidates if j not in (i, partner)]
            everything = math.exp(positive) + sum(map(math.exp, negatives))
            total += (-positive + math.log(everything) + 0.3 * math.log(tau)) / anchors
    assert loss(view1, view2).loss.item() == pytest.approx(total, abs=1e-10)


def test_gradients_reach_every_head_and_its_temperature() -> None:
    loss = build()
    loss(*batch()).loss.backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in loss.parameters())
    fixed = build(adaptive=False)
    fixed(*batch()).loss.backward()
    assert all(head.temperature.weight.grad is None for head in fixed.heads)
    assert all(head.temperature.bias.grad is not None for head in fixed.heads)


def test_gradient_in_float64() -> None:
    loss = build()
    view1, view2 = (view.requires_grad_() for view in batch())
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b).loss, (view1, view2))


def test_each_head_has_a_queue_of_its_own_space() -> None:
    torch.manual_seed(0)
    heads = {"dim": DIM, "heads": 2, "out_dim": 3}
    loss: Any = build_loss({"name": "multi_head", "negatives": "queue", "multi_head": heads}).train()
    views = tuple(view.float() for view in batch())
    loss(*views, targets=views)
    first, second = (core.negatives[0].vectors for core in loss.cores)
    assert first.shape == (2 * N, 3)
    assert not torch.equal(first, second)


def test_bf16_is_finite() -> None:
    view1 = batch()[0].bfloat16().requires_grad_()
    loss = build().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = loss(view1, view1.detach())
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert torch.isfinite(view1.grad).all()
