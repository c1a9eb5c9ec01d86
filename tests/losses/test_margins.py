"""Margins that need only the cosine: against plain trigonometry, their edges, their schedules, their gradients."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.losses import Margin, MarginState, build_loss, build_margin

GRID = torch.linspace(-1, 1, 401, dtype=torch.float64)


def state(cosine: Tensor, step: int = 0, negatives: int = 10, temperature: float = 0.2) -> MarginState:
    return MarginState(
        norms=torch.ones_like(cosine),
        negatives=torch.full(cosine.shape, negatives),
        temperature=torch.full_like(cosine, temperature),
        step=step,
    )


def apply(margin: Margin, cosine: Tensor = GRID, step: int = 0) -> Tensor:
    return margin(cosine, state(cosine, step))


def test_additive_margin_subtracts() -> None:
    torch.testing.assert_close(apply(build_margin(0.3)), GRID - 0.3)


def slow_angular(cosine: float, m: float, continuous: bool) -> float:
    if cosine > math.cos(math.pi - m):
        return math.cos(math.acos(cosine) + m)
    if continuous:
        return cosine - (1 + math.cos(math.pi - m))
    return cosine - m * math.sin(math.pi - m)


@pytest.mark.parametrize("fallback", ["arcface", "continuous"])
@pytest.mark.parametrize("m", [0.05, 0.2, 0.8])
def test_additive_angular_margin_is_trigonometry_with_a_fall_back(fallback: str, m: float) -> None:
    margin = build_margin({"name": "additive_angular", "value": m, "fallback": fallback})
    expected = torch.tensor([slow_angular(float(c), m, fallback == "continuous") for c in GRID]).double()
    torch.testing.assert_close(apply(margin), expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("m", [0.05, 0.2, 0.8])
def test_the_fall_back_steps_down_by_a_known_amount_or_not_at_all(m: float) -> None:
    edge = math.cos(math.pi - m)
    around = torch.tensor([edge + 1e-9, edge - 1e-9], dtype=torch.float64)
    above, below = apply(build_margin({"name": "additive_angular", "value": m}), around)
    assert (above - below).item() == pytest.approx(math.cos(m) + m * math.sin(m) - 1, abs=1e-6)
    continuous = build_margin({"name": "additive_angular", "value": m, "fallback": "continuous"})
    above, below = apply(continuous, around)
    assert (above - below).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["additive", "additive_angular", "sphere", "curricular", "simo", "learnable"])
def test_a_margin_lowers_the_cosine_and_keeps_the_order(name: str) -> None:
    margined = apply(build_margin(name)).detach()
    inside = margined[1:-1]
    assert (inside <= GRID[1:-1] + 1e-9).all()
    assert (inside.diff() >= -1e-9).all()


@pytest.mark.parametrize("m", [1.0, 1.5, 4.0])
def test_sphere_margin_is_the_monotone_continuation_of_cos_m_t(m: float) -> None:
    inside = GRID[1:-1]
    expected = []
    for cosine in inside.tolist():
        angle = m * math.acos(cosine)
        k = math.floor(angle / math.pi)
        expected.append((-1) ** k * math.cos(angle) - 2 * k)
    actual = apply(build_margin({"name": "sphere", "value": m}), inside)
    torch.testing.assert_close(actual, torch.tensor(expected).double(), atol=1e-6, rtol=0)


def test_curricular_margin_raises_only_the_hard_negatives() -> None:
    margin: Any = build_margin({"name": "curricular", "value": 0.3})
    margin.difficulty.fill_(0.25)
    positive = torch.tensor([0.6, -0.2], dtype=torch.float64)
    negatives = torch.tensor([[0.5, 0.1, 0.9], [-0.9, 0.3, -0.3]], dtype=torch.float64)
    margined = apply(margin, positive)
    actual = margin.negatives(negatives, margined)
    for i in range(2):
        for j in range(3):
            cosine = negatives[i, j].item()
            hard = cosine > math.cos(math.acos(positive[i].item()) + 0.3)
            assert actual[i, j].item() == pytest.approx(cosine * (0.25 + cosine) if hard else cosine)


def test_curricular_difficulty_is_a_running_mean_of_the_positives_in_training_only() -> None:
    torch.manual_seed(0)
    view1 = torch.randn(8, 4, dtype=torch.float64)
    view2 = view1 + 0.1 * torch.randn(8, 4, dtype=torch.float64)
    loss: Any = build_loss({"margin": "curricular"})
    loss.eval()(view1, view2)
    assert loss.margin.difficulty.item() == 0.0
    mean = torch.nn.functional.cosine_similarity(view1, view2).mean().item()
    loss.train()(view1, view2)
    assert loss.margin.difficulty.item() == pytest.approx(0.01 * mean)
    loss(view1, view2)
    assert loss.margin.difficulty.item() == pytest.approx(0.01 * mean + 0.99 * 0.01 * mean)
    assert "margin.difficulty" in loss.state_dict()


def test_recomputed_blocks_use_the_statistics_of_their_forward_pass() -> None:
    """Between forward and backward another forward may move the running mean: gradients must not notice."""
    torch.manual_seed(0)
    data = [torch.randn(6, 4, dtype=torch.float64) for _ in range(4)]
    gradients = []
    for block_size in (100, 2):
        view1, view2 = data[0].clone().requires_grad_(), data[1].clone().requires_grad_()
        loss = build_loss({"margin": {"name": "curricular", "rate": 0.9}, "block_size": block_size}).train()
        first = loss(view1, view2).loss
        loss(data[2], data[3])
        first.backward()
        gradients.append(view1.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_simo_margin_makes_the_sum_that_of_alpha_negatives() -> None:
    torch.manual_seed(0)
    view1, view2 = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    alpha, tau = 256.0, 0.2
    loss = build_loss({"margin": {"name": "simo", "alpha": alpha}, "temperature": tau})
    output = loss(view1, view2)
    units = torch.nn.functional.normalize(torch.cat([view1, view2]), dim=1)
    logits = units @ units.T / tau
    losses = []
    for i in range(10):
        partner = (i + 5) % 10
        negatives = [j for j in range(10) if j not in (i, partner)]
        mean = torch.exp(logits[i, negatives] - logits[i, partner]).mean()
        losses.append(torch.log1p(alpha * mean))
    assert output.loss.item() == pytest.approx(torch.stack(losses).mean().item(), abs=1e-10)
    assert output.logs["margin"] == pytest.approx(tau * math.log(alpha / 8))


def test_simo_margin_counts_each_anchors_own_negatives() -> None:
    cosine = torch.zeros(2, dtype=torch.float64)
    margin = build_margin({"name": "simo", "alpha": 8})
    given = MarginState(torch.ones(2), torch.tensor([8, 2]), torch.full((2,), 0.5).double(), 0)
    assert margin(cosine, given).tolist() == pytest.approx([0, -0.5 * math.log(4)])


def test_cosine_ramp_rises_from_no_margin_to_its_value() -> None:
    margin = build_margin({"name": "additive", "value": 0.4, "schedule": "cosine_ramp", "ramp_steps": 100})
    assert margin.at(0) == 0.0
    assert margin.at(50) == pytest.approx(0.2)
    assert margin.at(25) == pytest.approx(0.4 * (1 - math.cos(math.pi / 4)) / 2)
    assert margin.at(100) == margin.at(10_000) == pytest.approx(0.4)
    sphere = build_margin({"name": "sphere", "value": 2.0, "schedule": "cosine_ramp", "ramp_steps": 100})
    assert (sphere.at(0), sphere.at(100)) == (1.0, pytest.approx(2.0))


def test_a_scheduled_margin_reaches_the_loss() -> None:
    torch.manual_seed(0)
    view1, view2 = torch.randn(6, 4), torch.randn(6, 4)
    ramp = {"name": "additive", "value": 0.4, "schedule": "cosine_ramp", "ramp_steps": 10}
    loss = build_loss({"margin": ramp})
    assert loss(view1, view2, step=0).loss.item() == build_loss({})(view1, view2).loss.item()
    output = loss(view1, view2, step=5)
    assert output.logs["margin"] == pytest.approx(0.2)
    assert output.loss.item() == pytest.approx(build_loss({"margin": 0.2})(view1, view2).loss.item())


@pytest.mark.parametrize("name", ["additive", "additive_angular", "sphere", "curricular", "simo"])
def test_gradient_in_float64(name: str) -> None:
    margin = build_margin(name)
    cosine = torch.tensor([-0.9, -0.35, 0.0, 0.4, 0.83], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: apply(margin, c), (cosine,))


@pytest.mark.parametrize("name", ["additive", "additive_angular", "sphere", "curricular", "simo", "learnable"])
def test_ends_of_the_cosine_have_finite_gradients(name: str) -> None:
    cosine = torch.tensor([-1.0, 1.0, 1.0000001], requires_grad=True)
    margined = apply(build_margin(name), cosine)
    margined.sum().backward()
    assert torch.isfinite(margined).all()
    assert torch.isfinite(cosine.grad).all()
