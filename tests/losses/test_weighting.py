"""Softmax, decoupled, weighted and debiased sums against slow loops."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.losses import build_loss
from speakerssl.losses.identity import identify

N, TAU = 5, 0.5


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    view1 = torch.randn(N, 4, generator=generator, dtype=torch.float64)
    return view1, view1 + 0.8 * torch.randn(N, 4, generator=generator, dtype=torch.float64)


def anchors(view1: Tensor, view2: Tensor) -> list[tuple[float, list[float]]]:
    """(cosine with the positive, cosines with the negatives) of each of the 2N anchors."""
    units = torch.nn.functional.normalize(torch.cat([view1, view2]), dim=1)
    cosines = (units @ units.T).tolist()
    rows = []
    for i in range(2 * N):
        partner = (i + N) % (2 * N)
        rows.append((cosines[i][partner], [cosines[i][j] for j in range(2 * N) if j not in (i, partner)]))
    return rows


def slow_decoupled(rows: list[tuple[float, list[float]]]) -> float:
    losses = [-p / TAU + math.log(sum(math.exp(n / TAU) for n in negatives)) for p, negatives in rows]
    return sum(losses) / len(losses)


def slow_weighted(rows: list[tuple[float, list[float]]], sigma: float) -> float:
    total = sum(math.exp(p / sigma) for p, _ in rows)
    losses = []
    for p, negatives in rows:
        weight = 2 - len(rows) * math.exp(p / sigma) / total
        losses.append(-weight * p / TAU + math.log(sum(math.exp(n / TAU) for n in negatives)))
    return sum(losses) / len(losses)


def slow_debiased(rows: list[tuple[float, list[float]]], prior: float) -> float:
    losses = []
    for p, negatives in rows:
        count = len(negatives)
        total = sum(math.exp(n / TAU) for n in negatives)
        estimate = (total - count * prior * math.exp(p / TAU)) / (1 - prior)
        estimate = max(estimate, count * math.exp(-1 / TAU))
        losses.append(-math.log(math.exp(p / TAU) / (math.exp(p / TAU) + estimate)))
    return sum(losses) / len(losses)


def test_decoupled_equals_a_slow_loop() -> None:
    loss = build_loss({"negatives": "decoupled", "temperature": TAU})(*batch()).loss.item()
    assert loss == pytest.approx(slow_decoupled(anchors(*batch())), abs=1e-12)


def test_weighted_decoupled_equals_a_slow_loop() -> None:
    loss = build_loss({"negatives": {"name": "dclw", "sigma": 0.5}, "temperature": TAU})(*batch()).loss.item()
    assert loss == pytest.approx(slow_weighted(anchors(*batch()), 0.5), abs=1e-12)


def test_the_weights_of_one_direction_are_over_its_own_anchors() -> None:
    view1, view2 = batch()
    config = {"negatives": "dclw", "temperature": TAU, "symmetry": "one_direction"}
    units1, units2 = (torch.nn.functional.normalize(view, dim=1) for view in (view1, view2))
    cosines = units1 @ units2.T
    positive = cosines.diagonal()
    weights = 2 - N * torch.softmax(positive / 0.5, 0)
    total = torch.logsumexp((cosines / TAU).fill_diagonal_(-torch.inf), 1)
    expected = (total - weights * positive / TAU).mean().item()
    assert build_loss(config)(view1, view2).loss.item() == pytest.approx(expected, abs=1e-12)
    assert weights.mean().item() == pytest.approx(1.0)


@pytest.mark.parametrize("prior", [0.0, 0.02, 0.1, 0.6])
def test_debiased_equals_a_slow_loop(prior: float) -> None:
    config = {"negatives": {"name": "debiased", "prior": prior}, "temperature": TAU}
    assert build_loss(config)(*batch()).loss.item() == pytest.approx(slow_debiased(anchors(*batch()), prior), abs=1e-12)


def test_debiased_without_a_prior_is_the_softmax() -> None:
    config = {"negatives": {"name": "debiased", "prior": 0}, "margin": 0.2}
    expected = build_loss({"margin": 0.2})(*batch()).loss.item()
    assert build_loss(config)(*batch()).loss.item() == pytest.approx(expected, abs=1e-12)


def test_decoupled_has_no_gradient_from_a_constant_margin() -> None:
    gradients = []
    for margin in (0.0, 0.5):
        view1, view2 = (view.requires_grad_() for view in batch())
        build_loss({"negatives": "decoupled", "margin": margin})(view1, view2).loss.backward()
        gradients.append(view1.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("name", ["softmax", "decoupled", "dclw", "debiased"])
@pytest.mark.parametrize("margin", ["none", "additive_angular"])
def test_gradient_in_float64(name: str, margin: str) -> None:
    """The weights of DCLW are constants to autograd: they are held at those of the point that is checked."""
    view1, view2 = (view.requires_grad_() for view in batch())
    loss: Any = build_loss({"negatives": name, "margin": margin, "temperature": TAU})
    if name == "dclw":
        held = loss.weighting.weights(torch.tensor([p for p, _ in anchors(view1.detach(), view2.detach())]).double())
        loss.weighting.weights = lambda cosines: held
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b).loss, (view1, view2))


@pytest.mark.parametrize("name", ["softmax", "decoupled", "dclw", "debiased"])
def test_anchors_without_negatives_count_nothing_and_stay_finite(name: str) -> None:
    view1, view2 = (view.requires_grad_() for view in batch())
    keys = torch.zeros(N, dtype=torch.int64)
    output = build_loss({"negatives": name})(view1, view2, identities=identify(keys))
    output.loss.backward()
    assert output.loss.item() == 0.0
    assert torch.isfinite(view1.grad).all()
    alone = build_loss({"negatives": name})(view1.detach()[:1], view2.detach()[:1])
    assert alone.loss.item() == 0.0


@pytest.mark.parametrize("name", ["softmax", "decoupled", "dclw", "debiased"])
def test_a_low_temperature_does_not_overflow(name: str) -> None:
    view1, view2 = (view.float().requires_grad_() for view in batch())
    output = build_loss({"negatives": name, "temperature": 0.005})(view1, view2)
    output.loss.backward()
    assert torch.isfinite(output.loss)
    assert torch.isfinite(view1.grad).all()
