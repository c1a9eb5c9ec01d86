"""Filtering, and DCLR's instance weights and noise, against slow loops."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.losses import build_loss
from speakerssl.losses.identity import identify
from speakerssl.losses.negatives import DCLR, HardFilter, loss_gradient
from speakerssl.losses.task import ContrastiveTask

N, TAU = 6, 0.2


def batch(seed: int = 0, count: int = N) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    view1 = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    return view1, view1 + 0.8 * torch.randn(count, 4, generator=generator, dtype=torch.float64)


def slow(view1: Tensor, view2: Tensor, chosen: Callable[[list[tuple[float, int]], int], list[float]]) -> float:
    """SNT-Xent over the negatives that `chosen(cosines of the negatives, their recordings, own)` keeps."""
    units = torch.nn.functional.normalize(torch.cat([view1, view2]), dim=1)
    cosines = (units @ units.T).tolist()
    count = len(view1)
    losses = []
    for i in range(2 * count):
        partner = (i + count) % (2 * count)
        others = [j for j in range(2 * count) if j not in (i, partner)]
        kept = chosen([(cosines[i][j], j % count) for j in others], i % count)
        positive = math.exp(cosines[i][partner] / TAU)
        losses.append(-math.log(positive / (positive + sum(math.exp(c / TAU) for c in kept))))
    return sum(losses) / len(losses)


def test_filter_above_a_cosine() -> None:
    loss = build_loss({"negatives": {"name": "filter", "above": 0.3}, "temperature": TAU})
    expected = slow(*batch(), lambda pairs, own: [c for c, _ in pairs if c <= 0.3])
    assert loss(*batch()).loss.item() == pytest.approx(expected, abs=1e-12)


def test_filter_drops_a_share_and_keeps_the_hardest_of_the_rest() -> None:
    loss = build_loss({"negatives": {"name": "filter", "drop": 0.25, "keep": 5}, "temperature": TAU})
    expected = slow(*batch(), lambda pairs, own: sorted((c for c, _ in pairs), reverse=True)[2 : 2 + 5])
    assert loss(*batch()).loss.item() == pytest.approx(expected, abs=1e-12)


def test_filter_counts_only_valid_negatives() -> None:
    keys = torch.tensor([0, 0, 1, 2, 3, 4])
    loss = build_loss({"negatives": {"name": "filter", "keep": 3}, "temperature": TAU})
    output = loss(*batch(), identities=identify(keys))

    def chosen(pairs: list[tuple[float, int]], own: int) -> list[float]:
        return sorted((c for c, j in pairs if keys[j] != keys[own]), reverse=True)[:3]

    assert output.loss.item() == pytest.approx(slow(*batch(), chosen), abs=1e-12)


def test_filter_is_off_by_default() -> None:
    assert build_loss({"negatives": "filter"})(*batch()).loss.item() == build_loss({})(*batch()).loss.item()


def test_dclr_leaves_out_what_the_frozen_model_finds_close() -> None:
    reference = torch.randn(N, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    frozen = torch.nn.functional.normalize(reference, dim=1)
    close = (frozen @ frozen.T > 0.4).tolist()
    assert any(close[i][j] for i in range(N) for j in range(N) if i != j)
    loss = build_loss({"negatives": {"name": "dclr", "threshold": 0.4, "noise_times": 0}, "temperature": TAU})
    expected = slow(*batch(), lambda pairs, own: [c for c, j in pairs if not close[own][j]])
    assert loss(*batch(), reference=reference).loss.item() == pytest.approx(expected, abs=1e-12)


def test_dclr_adds_noise_that_all_anchors_share() -> None:
    loss = build_loss({"negatives": {"name": "dclr", "threshold": 1, "noise_times": 0.5, "steps": 0}})
    torch.manual_seed(3)
    noise = torch.nn.functional.normalize(torch.randn(N, 4), dim=1).double()
    units = torch.nn.functional.normalize(torch.cat(batch()), dim=1)
    torch.manual_seed(3)
    output = loss(*batch())
    logits = torch.cat([units @ units.T, units @ noise.T], 1) / TAU
    own = torch.arange(2 * N)
    logits[own, own] = -torch.inf
    positive = logits[own, (own + N) % (2 * N)]
    expected = (torch.logsumexp(logits, 1) - positive).mean()
    assert output.loss.item() == pytest.approx(expected.item(), abs=1e-6)


def task(temperature: float = TAU) -> ContrastiveTask:
    view1, view2 = (torch.nn.functional.normalize(view, dim=1) for view in batch())
    keys = torch.arange(N)
    temperatures = torch.full((N,), temperature).double()
    return ContrastiveTask(view1, keys, view2, view1.norm(dim=1), identify(keys), identify(keys), temperatures)


def test_the_noise_gradient_is_that_of_autograd() -> None:
    noise = torch.nn.functional.normalize(torch.randn(7, 4, dtype=torch.float64), dim=1).requires_grad_()
    given = task()
    logits = torch.cat([given.anchors @ given.candidates.T, given.anchors @ noise.T], 1) / TAU
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(N), reduction="sum")
    (expected,) = torch.autograd.grad(loss, noise)
    for rows in (512, 4):
        torch.testing.assert_close(loss_gradient(given, noise.detach(), rows), expected)


def test_the_noise_moves_towards_a_higher_loss() -> None:
    given = task()
    values = []
    for steps in (0, 20):
        torch.manual_seed(0)
        noise = DCLR(threshold=1, steps=steps, step_size=0.05).prepare(given)
        torch.testing.assert_close(noise.norm(dim=1), torch.ones(N).double())
        logits = torch.cat([given.anchors @ given.candidates.T, given.anchors @ noise.T], 1) / TAU
        values.append(torch.nn.functional.cross_entropy(logits, torch.arange(N)).item())
    assert values[1] > values[0]


def test_dclr_says_what_it_needs() -> None:
    with pytest.raises(InputError, match="threshold to 1"):
        build_loss({"negatives": "dclr"})(*batch())
    chained = build_loss({"negatives": [{"name": "queue", "in_batch": True}, "dclr"]}).train()
    reference = torch.randn(N, 3)
    chained(*batch(), reference=reference)  # the queue is still empty
    with pytest.raises(InputError, match="first of the negatives"):
        chained(*batch(), reference=reference)


@pytest.mark.parametrize("step", [HardFilter(drop=0.2, keep=4), DCLR(threshold=1, steps=0)])
def test_gradient_in_float64(step: torch.nn.Module) -> None:
    loss: Any = build_loss({"block_size": 5})
    loss.negatives.append(step)
    view1, view2 = (view.requires_grad_() for view in batch(count=4))

    def value(a: Tensor, b: Tensor) -> Tensor:
        torch.manual_seed(0)
        return loss(a, b).loss

    assert torch.autograd.gradcheck(value, (view1, view2))
