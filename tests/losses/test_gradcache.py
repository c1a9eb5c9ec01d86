"""Cached gradients are the plain ones: whatever the chunk, with dropout, normalization and keys."""

import copy
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from speakerssl.losses import GradCache, LossOutput, build_loss
from speakerssl.losses.identity import identify

N = 10


def encoder(*middle: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), *middle, nn.ReLU(), nn.Linear(16, 5))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    view1, view2 = (torch.randn(N, 8, generator=generator) for _ in range(2))
    return view1, view2


def plain(model: nn.Module, config: dict[str, object], **options: object) -> tuple[float, list[Tensor]]:
    view1, view2 = batch()
    output = build_loss(config)(model(view1), model(view2), **options)
    output.loss.backward()
    return output.loss.item(), [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("chunk_size", [1, 3, 10, 64])
@pytest.mark.parametrize(
    "config", [{"margin": 0.4}, {"symmetry": "dual", "margin": "adaface", "regularizers": ["vicreg"]}]
)
def test_equals_the_plain_gradients(chunk_size: int, config: dict[str, object]) -> None:
    expected_loss, expected = plain(encoder(nn.LayerNorm(16)), config)
    model = encoder(nn.LayerNorm(16))
    output = GradCache(model, build_loss(config), chunk_size).backward(*batch())
    assert output.loss.item() == pytest.approx(expected_loss, abs=1e-6)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=0)


def test_a_batch_of_thousands_equals_the_plain_gradients() -> None:
    torch.manual_seed(0)
    view1 = torch.randn(2048, 8)
    view2 = view1 + 0.3 * torch.randn(2048, 8)
    models = [encoder(), encoder()]
    config = {"margin": 0.2, "block_size": 512}
    build_loss(config)(models[0](view1), models[0](view2)).loss.backward()
    GradCache(models[1], build_loss(config), chunk_size=256).backward(view1, view2)
    for one, two in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, atol=1e-5, rtol=0)


def test_frozen_batch_normalization_equals_the_plain_gradients() -> None:
    models = [encoder(nn.BatchNorm1d(16)).eval() for _ in range(2)]
    _, expected = plain(models[0], {})
    GradCache(models[1], build_loss({}), 3).backward(*batch())
    for parameter, gradient in zip(models[1].parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=0)


def test_training_batch_normalization_is_over_chunks_and_its_averages_move_once() -> None:
    model: Any = encoder(nn.BatchNorm1d(16))
    other = copy.deepcopy(model)
    GradCache(model, build_loss({}), 5).backward(*batch())
    chunks = [chunk for view in batch() for chunk in view.split(5)]
    embeddings = torch.cat([other(chunk) for chunk in chunks])
    build_loss({})(embeddings[:N], embeddings[N:]).loss.backward()
    assert int(model[1].num_batches_tracked) == int(other[1].num_batches_tracked) == 4
    torch.testing.assert_close(model[1].running_mean, other[1].running_mean)
    torch.testing.assert_close(model[1].running_var, other[1].running_var)
    assert model[1].momentum == 0.1
    for one, two in zip(other.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, atol=1e-5, rtol=0)


def test_dropout_is_the_same_in_both_passes() -> None:
    model, other = encoder(nn.Dropout(0.5)), encoder(nn.Dropout(0.5))
    torch.manual_seed(5)
    GradCache(model, build_loss({}), 5).backward(*batch())
    after = torch.rand(1)
    torch.manual_seed(5)
    embeddings = torch.cat([other(chunk) for view in batch() for chunk in view.split(5)])
    build_loss({})(embeddings[:N], embeddings[N:]).loss.backward()
    assert torch.equal(after, torch.rand(1))
    for one, two in zip(other.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, atol=1e-5, rtol=0)


def test_options_reach_the_loss_and_the_scale_the_gradients() -> None:
    keys = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    _, expected = plain(encoder(), {"margin": 0.1}, identities=identify(keys))
    model = encoder()
    cache = GradCache(model, build_loss({"margin": 0.1}), 4)
    for _ in range(2):  # gradients add up, as in accumulation
        cache.backward(*batch(), scale=0.25, identities=identify(keys))
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient / 2, atol=1e-5, rtol=0)


def test_parameters_of_the_loss_get_their_gradients_too() -> None:
    loss: Any = build_loss({"margin": "learnable"})
    GradCache(encoder(), loss, 4).backward(*batch())
    assert loss.margin.raw.grad.abs() > 0


def test_the_encoder_never_sees_more_than_a_chunk() -> None:
    seen: list[int] = []

    class Watch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = encoder()

        def forward(self, inputs: Tensor) -> Tensor:
            seen.append(len(inputs))
            return self.inner(inputs)

    GradCache(Watch(), build_loss({}), 4).backward(*batch())
    assert seen == [4, 4, 2, 4, 4, 2] * 2


class Lazy(Sequence):
    """Chunks of 4 that are made when they are asked for, and how many of them were there at a time."""

    def __init__(self, view: Tensor) -> None:
        self.parts, self.alive = view.split(4), [0]
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError
        chunk = self.parts[index].clone()
        self.asked.append(index)
        self.alive.append(self.alive[-1] + 1)
        weakref.finalize(chunk, lambda: self.alive.append(self.alive[-1] - 1))
        return chunk


def test_chunks_made_on_demand_are_never_held_together() -> None:
    _, expected = plain(encoder(), {"margin": 0.1})
    model = encoder()
    first, second = (Lazy(view) for view in batch())
    GradCache(model, build_loss({"margin": 0.1})).backward(first, second)
    for view in (first, second):
        assert view.asked == [0, 1, 2] * 2
        assert max(view.alive) <= 2  # the one in the loop while the next is made
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=0)


def test_nothing_of_the_loss_is_left_when_chunks_are_encoded_with_a_graph() -> None:
    embeddings: list[weakref.ref[Tensor]] = []
    left: list[int] = []

    def loss(view1: Tensor, view2: Tensor) -> LossOutput:
        embeddings.extend(map(weakref.ref, (view1, view2)))
        return build_loss({})(view1, view2)

    def count(*_: object) -> None:
        if torch.is_grad_enabled():
            left.append(sum(reference() is not None for reference in embeddings))

    model = encoder()
    model.register_forward_pre_hook(count)
    GradCache(model, loss, 4).backward(*batch())
    assert left == [0] * 6


def test_a_view_that_the_loss_holds_constant_adds_nothing() -> None:
    def loss(view1: Tensor, view2: Tensor) -> LossOutput:
        return LossOutput((view1 - view2.detach()).square().mean())

    models = [encoder(), encoder()]
    loss(*map(models[0], batch())).loss.backward()
    GradCache(models[1], loss, 4).backward(*batch())
    for one, two in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, atol=1e-5, rtol=0)
