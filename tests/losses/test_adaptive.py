"""Margins that follow the norm before normalization, and the learned one."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.losses import MarginState, build_loss, build_margin


def state(norms: Tensor) -> MarginState:
    return MarginState(norms, torch.full(norms.shape, 10), torch.full_like(norms, 0.2), 0)


def batch(scale: float | Tensor = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    view1 = torch.randn(6, 8, generator=generator, dtype=torch.float64)
    view2 = view1 + torch.randn(6, 8, generator=generator, dtype=torch.float64)
    return view1 * scale, view2 * scale


@pytest.mark.parametrize("name", ["magface", "adaface"])
def test_the_margin_follows_the_norm_before_normalization(name: str) -> None:
    """Taken after normalization the norm is always 1, and the margin a constant."""
    lengths = torch.tensor([0.5, 8.0, 20.0, 35.0, 70.0, 200.0], dtype=torch.float64)
    margin = build_margin(name)
    margin.observe(torch.zeros(6), lengths)
    assert len(set(margin(torch.full((6,), 0.3).double(), state(lengths)).tolist())) >= 5
    view1, view2 = (torch.nn.functional.normalize(view, dim=1) for view in batch())
    config = {"margin": {"name": name, **({"penalty_weight": 0} if name == "magface" else {"mean": 10, "std": 5})}}
    values = {scale: build_loss(config).eval()(scale * view1, scale * view2).loss.item() for scale in (4.0, 12.0, 30.0)}
    assert len({round(value, 9) for value in values.values()}) >= 2
    plain = {scale: build_loss({"margin": 0.1})(scale * view1, view2).loss.item() for scale in (4.0, 30.0)}
    assert plain[4.0] == pytest.approx(plain[30.0], abs=1e-12)


def test_magface_margin_is_linear_in_the_clipped_norm() -> None:
    margin = build_margin({"name": "magface", "low": 0.1, "high": 0.5})
    lengths = torch.tensor([1.0, 10.0, 60.0, 110.0, 500.0], dtype=torch.float64)
    expected = [0.1, 0.1, 0.3, 0.5, 0.5]
    assert margin.effective(state(lengths)).tolist() == pytest.approx(expected)
    cosine = torch.full((5,), 0.4, dtype=torch.float64)
    angles = [math.cos(math.acos(0.4) + m) for m in expected]
    assert margin(cosine, state(lengths)).tolist() == pytest.approx(angles)


def test_magface_regularizer_is_added_and_rewards_large_norms() -> None:
    view1, view2 = batch(15.0)
    with_penalty = build_loss({"margin": {"name": "magface", "penalty_weight": 20}})(view1, view2)
    without = build_loss({"margin": {"name": "magface", "penalty_weight": 0}})(view1, view2)
    norms = torch.cat([view1, view2]).norm(dim=1).clamp(10, 110)
    expected = (20 * (norms / 110**2 + 1 / norms)).mean()
    assert (with_penalty.loss - without.loss).item() == pytest.approx(expected.item(), abs=1e-10)
    lengths = torch.tensor([20.0, 60.0], requires_grad=True)
    build_margin("magface").penalty(lengths).sum().backward()
    assert (lengths.grad < 0).all()


def slow_adaface(cosine: float, norm: float, mean: float, std: float, m: float, h: float) -> float:
    z = max(-1.0, min(1.0, (min(max(norm, 1e-3), 100.0) - mean) / (std + 1e-3) * h))
    angle = min(max(math.acos(cosine) - m * z, 0.0), math.pi)
    return math.cos(angle) - (m * z + m)


def test_adaface_equals_its_formula() -> None:
    margin = build_margin({"name": "adaface", "mean": 20.0, "std": 10.0})
    for norm in (0.0, 5.0, 19.0, 33.0, 70.0, 1000.0):
        for cosine in (-0.99, -0.4, 0.0, 0.6, 0.999):
            actual = margin(torch.tensor([cosine]).double(), state(torch.tensor([norm]).double()))
            assert actual.item() == pytest.approx(slow_adaface(cosine, norm, 20, 10, 0.4, 0.333), abs=1e-6)


def test_adaface_is_additive_angular_for_low_and_additive_for_high_norms() -> None:
    margin = build_margin({"name": "adaface", "mean": 20.0, "std": 1.0, "h": 1.0})
    cosine = torch.tensor([0.5], dtype=torch.float64)
    low = margin(cosine, state(torch.tensor([1.0]).double())).item()
    assert low == pytest.approx(math.cos(math.acos(0.5) + 0.4), abs=1e-9)
    middle = margin(cosine, state(torch.tensor([20.0]).double())).item()
    assert middle == pytest.approx(0.1)


def test_adaface_statistics_start_at_the_first_batch_and_are_averaged() -> None:
    margin: Any = build_margin({"name": "adaface", "rate": 0.1})
    first, second = torch.tensor([4.0, 6.0, 8.0]), torch.tensor([14.0, 16.0, 18.0])
    margin.observe(torch.zeros(3), first)
    assert (margin.mean.item(), margin.std.item()) == (6.0, 2.0)
    margin.observe(torch.zeros(3), second)
    assert margin.mean.item() == pytest.approx(0.9 * 6 + 0.1 * 16)
    given: Any = build_margin({"name": "adaface", "mean": 20, "std": 100, "rate": 1.0})
    assert (given.mean.item(), given.std.item()) == (20.0, 100.0)
    given.observe(torch.zeros(3), first)
    assert given.mean.item() == 6.0
    assert {"mean", "std", "started"} <= set(given.state_dict())


def test_adaface_takes_no_gradient_through_the_norm_and_magface_does() -> None:
    cosine = torch.tensor([0.3, 0.5], dtype=torch.float64)
    for name, flows in (("adaface", False), ("magface", True)):
        lengths = torch.tensor([15.0, 30.0], dtype=torch.float64, requires_grad=True)
        margin = build_margin(name)
        margin.observe(cosine, lengths.detach())
        margined = margin(cosine, state(lengths))
        assert margined.requires_grad is flows


@pytest.mark.parametrize("name", ["magface", "adaface"])
def test_gradient_in_float64(name: str) -> None:
    view1, view2 = (view[:4].clone().requires_grad_() for view in batch(6.0))
    loss: Any = build_loss({"margin": name, "block_size": 5}).train()
    loss(view1, view2)
    loss.eval()  # the running statistics stand still
    if name == "adaface":
        # The norm is detached: what autograd sees is the loss with the margins held.
        assert torch.isfinite(torch.autograd.grad(loss(view1, view2).loss, view1)[0]).all()
        cosine = torch.tensor([-0.5, 0.1, 0.6], dtype=torch.float64, requires_grad=True)
        lengths = torch.tensor([5.0, 20.0, 40.0], dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda c: loss.margin(c, state(lengths)), (cosine,))
    else:
        assert torch.autograd.gradcheck(lambda a, b: loss(a, b).loss, (view1, view2))


@pytest.mark.parametrize("kind", ["additive", "additive_angular"])
def test_a_learnable_margin_only_shrinks_and_stays_within_its_bounds(kind: str) -> None:
    config = {"name": "learnable", "value": 0.3, "low": 0.1, "high": 0.4, "kind": kind}
    loss: Any = build_loss({"margin": config})
    assert loss.margin.effective(state(torch.ones(1))).item() == pytest.approx(0.3, abs=1e-6)
    optimizer = torch.optim.SGD(loss.parameters(), lr=5.0)
    view1, view2 = (view.float() for view in batch())
    margins = []
    for _ in range(50):
        optimizer.zero_grad()
        output = loss(view1, view2)
        output.loss.backward()
        optimizer.step()
        margins.append(output.logs["margin"])
    assert all(later < earlier for earlier, later in itertools.pairwise(margins))
    assert 0.1 <= margins[-1] < 0.2


def test_the_gradient_of_the_learnable_margin_is_one_minus_p_plus_over_tau() -> None:
    view1, view2 = batch()
    loss: Any = build_loss({"margin": {"name": "learnable", "value": 0.2, "low": 0.0, "high": 0.4}}).double()
    output = loss(view1, view2)
    output.loss.backward()
    share = torch.sigmoid(loss.margin.raw.detach())
    slope = (0.4 * share * (1 - share)).item()
    assert loss.margin.raw.grad.item() == pytest.approx(slope * (1 - output.logs["p_plus"]) / 0.2, abs=1e-6)
