"""What holds for every method: it learns, gradients flow where they should, and a saved state goes on exactly."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.methods import METHODS, Batch, Method, build_method

from .conftest import TINY, views_of

LOGGED = {"alignment", "uniformity", "effective_rank", "spread", "positive_cosine", "negative_cosine"}
INDICES = torch.arange(16)
Make = Callable[..., Method]


def optimizer_of(method: Method) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=3e-3)


def take_steps(
    method: Method, optimizer: torch.optim.Optimizer, steps: range, changing: bool = False, local: int = 0
) -> list[float]:
    losses = []
    for step in steps:
        torch.manual_seed(step)
        optimizer.zero_grad()
        output = method(Batch(views_of(2, seed=step if changing else 0, local=local), INDICES), step)
        output.loss.backward()
        optimizer.step()
        method.after_step(step, 20)
        losses.append(float(output.loss.detach()))
    return losses


def test_every_method_is_here() -> None:
    assert {*TINY, "supervised", "cpc"} == set(METHODS)  # labels and frames: they have tests of their own


# What makes the objective stand still: no queue, a teacher and a centre that stay.
STILL: dict[str, dict[str, Any]] = {
    "moco": {"loss": {"negatives": "batch"}, "momentum": 1.0},
    "byol": {"momentum": 1.0},
    "dino": {"momentum": 1.0, "center_momentum": 1.0},
    "sdpn": {"momentum": 1.0},
    "swav": {"queue_size": 0},
}


@pytest.mark.parametrize("name", sorted(TINY))
def test_loss_falls_on_a_fixed_batch(make: Make, name: str) -> None:
    method = make(name, **STILL.get(name, {}))
    local = 2 if name in ("dino", "sdpn", "swav", "multiview") else 0
    losses = take_steps(method, optimizer_of(method), range(16), local=local)
    assert sum(losses[-3:]) < sum(losses[:3])


@pytest.mark.parametrize("name", sorted(TINY))
def test_gradients_reach_what_is_trained_and_nothing_else(make: Make, name: str) -> None:
    method = make(name)
    method(Batch(views_of(2), INDICES), 6).loss.backward()
    for key, parameter in method.named_parameters():
        if key.startswith("teacher"):
            assert not parameter.requires_grad
            assert parameter.grad is None
        else:
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all()
    assert sum(float(p.grad.abs().sum()) for p in method.encoder.parameters() if p.grad is not None) > 0


@pytest.mark.parametrize("name", sorted(TINY))
def test_a_restored_state_takes_the_same_steps(make: Make, encoder: Encoder, name: str) -> None:
    fresh = copy.deepcopy(encoder)
    method = make(name)
    optimizer = optimizer_of(method)
    take_steps(method, optimizer, range(3), changing=True)
    saved = copy.deepcopy((method.state_dict(), optimizer.state_dict()))
    losses = take_steps(method, optimizer, range(3, 5), changing=True)

    again = build_method(fresh, {"name": name, **TINY[name]}, {"temperature": 0.2} if "loss" in method._modules else {})
    again.plan = method.plan
    other = optimizer_of(again.train())
    again.load_state_dict(saved[0])
    other.load_state_dict(saved[1])
    assert take_steps(again, other, range(3, 5), changing=True) == losses
    for key, value in method.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


@pytest.mark.parametrize("name", sorted(TINY))
def test_every_method_logs_its_embeddings_when_due(make: Make, name: str) -> None:
    method = make(name)
    logs = method(Batch(views_of(2), INDICES), 0).logs
    assert {f"embedding/{key}" for key in LOGGED} <= set(logs)
    method.plan = type(method.plan)(log_every=10)
    assert not any(key.startswith("embedding/") for key in method(Batch(views_of(2), INDICES), 0).logs)
    assert any(key.startswith("embedding/") for key in method(Batch(views_of(2), INDICES), 9).logs)


@pytest.mark.parametrize("name", sorted(TINY))
def test_mistakes_are_named(encoder: Encoder, name: str) -> None:
    with pytest.raises(InputError, match=f"method {name}: unknown key 'heads'; .*collapse.*ssps"):
        build_method(encoder, {"name": name, "heads": 3}, {})


def test_a_loss_that_would_be_ignored_is_refused(encoder: Encoder) -> None:
    with pytest.raises(InputError, match=r"method dino has its own objective: give it `loss: \{\}`, not temperature"):
        build_method(encoder, {"name": "dino"}, {"temperature": 0.1})


def test_bf16_autocast_stays_finite(make: Make) -> None:
    for name in sorted(TINY):
        with torch.autocast("cpu", torch.bfloat16):
            loss = make(name)(Batch(views_of(2), INDICES), 6).loss
        loss.backward()
        assert torch.isfinite(loss), name


def test_a_checkpoint_from_before_the_collapse_monitor_loads(make: Make) -> None:
    method = make("simclr")
    old = {key: value for key, value in method.state_dict().items() if not key.startswith("collapse_monitor.")}
    method.load_state_dict(old)
    assert isinstance(method.collapse_monitor, nn.Module)
    assert int(method.collapse_monitor.low) == 0


@pytest.mark.parametrize("clusters", [True, False])
def test_a_checkpoint_of_the_first_release_loads(make: Make, clusters: bool) -> None:
    """`suspects` and `watch` have other names now, and the `keys` of a queue were clusters or else recordings."""
    loss = {"temperature": 0.2, "negatives": {"name": "queue", "size": 8}}
    method = make("simclr", loss)
    old = method.state_dict()
    for new, name in (("pseudo_labels", "suspects"), ("collapse_monitor.low", "watch.low")):
        old[name] = old.pop(new)
    for name in ("recordings", "partners", "pseudo_labels"):
        del old[f"loss.negatives.0.{name}"]
    old["suspects"] = torch.arange(24) if clusters else torch.zeros(0, dtype=torch.int64)
    old["watch.low"] = torch.tensor(3)
    old["loss.negatives.0.vectors"], old["loss.negatives.0.keys"] = torch.randn(3, 8), torch.tensor([4, 5, -1])
    fresh: Any = make("simclr", loss)
    fresh.load_state_dict(old)
    assert int(fresh.collapse_monitor.low) == 3
    assert fresh.pseudo_labels.tolist() == ([[i] for i in range(24)] if clusters else [])
    queue = fresh.loss.negatives[0]
    assert queue.recordings.tolist() == ([-1, -1, -1] if clusters else [4, 5, -1])
    assert queue.pseudo_labels.tolist() == ([[4], [5], [-1]] if clusters else [[-1], [-1], [-1]])
    assert len(queue.vectors) == 3
