"""Two processes against one: loss and gradients of a batch that is split must be those of the whole."""

import pytest
import torch
from torch import nn

from speakerssl.losses import build_loss, gather
from speakerssl.losses.identity import identify
from tests.groups import results_of

CONFIGS: list[dict[str, object]] = [
    {"symmetry": "one_direction"},
    {"symmetry": "both_views", "margin": 0.4},
    {"symmetry": "dual", "margin": "additive_angular", "block_size": 5},
    {"symmetry": "both_views", "margin": "adaface", "negatives": "dclw"},
    {"symmetry": "dual", "margin": "curricular", "negatives": [{"name": "queue", "size": 10, "in_batch": True}]},
    {"symmetry": "both_views", "negatives": "debiased", "regularizers": ["vicreg", "uniformity", "koleo", "tcm"]},
]
WORLD, PER_PROCESS, STEPS = 2, 4, 2


def encoder() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, 5).double()


def inputs(step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    views = torch.randn(2, WORLD * PER_PROCESS, 6, generator=generator, dtype=torch.float64)
    keys = torch.tensor([0, 1, 2, 3, 4, 1, 5, -1]) + 10 * step
    return views[0], views[1], torch.where(keys % 10 == 9, -1, keys)


def train(rank: int, world: int) -> list[tuple[float, torch.Tensor]]:
    """Loss and (averaged) gradients of two steps of every configuration, on this process's share."""
    found = []
    for config in CONFIGS:
        model = encoder()
        wrapped: nn.Module = nn.parallel.DistributedDataParallel(model) if world > 1 else model
        loss = build_loss(config).double().train()
        for step in range(STEPS):
            model.zero_grad()
            count = WORLD * PER_PROCESS // world
            share = slice(rank * count, (rank + 1) * count)
            view1, view2, keys = (tensor[share] for tensor in inputs(step))
            both = wrapped(torch.cat([view1, view2]))
            output = loss(both[:count], both[count:], step, identify(keys))
            output.loss.backward()
            found.append((output.loss.item(), model.weight.grad.clone()))
    return found


def work(rank: int) -> tuple[list[tuple[float, torch.Tensor]], str]:
    found = train(rank, WORLD)
    try:
        build_loss({})(torch.randn(2 + rank, 3), torch.randn(2 + rank, 3))
    except Exception as error:
        return found, f"{type(error).__name__}: {error}"
    return found, ""


@pytest.mark.slow
def test_two_processes_give_the_loss_and_gradients_of_one() -> None:
    expected = train(0, 1)
    (first, first_message), (second, second_message) = results_of(work, WORLD)
    assert len(expected) == STEPS * len(CONFIGS)
    for one, a, b in zip(expected, first, second, strict=True):
        assert (a[0] + b[0]) / 2 == pytest.approx(one[0], abs=1e-6)
        torch.testing.assert_close(a[1], one[1], atol=1e-6, rtol=0)
        torch.testing.assert_close(a[1], b[1], atol=0, rtol=0)
    for message in (first_message, second_message):
        assert message == (
            "InputError: processes brought batches of different sizes, [2, 3]; drop the last incomplete batch"
        )


def test_one_process_gathers_itself() -> None:
    tensor = torch.randn(3, 2, requires_grad=True)
    assert gather(tensor) is tensor
