"""Blocks of rows give the value and the gradients of the whole, keep no graph, and draw the same numbers twice."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from speakerssl.losses.blockwise import map_blocks

R, D = 7, 3


def tensors() -> tuple[Tensor, Tensor, Tensor, nn.Parameter]:
    """Rows [R, D], their scale [R], other rows [5, D] and a parameter."""
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((R, D), (R,), (5, D), ())]
    rows, scale, others = (tensor.requires_grad_() for tensor in made[:3])
    return rows, scale, others, nn.Parameter(made[3])


def solve(block_size: int, shared: bool = False, noise: float = 0.0) -> tuple[Tensor, list[Tensor]]:
    rows, scale, others, parameter = tensors()
    units = rows * 2  # no leaf: the gradient goes on

    def function(start: int, stop: int, parts: Sequence[Tensor], whole: Sequence[Tensor]) -> Tensor:
        cosines = torch.tanh(parts[0] @ whole[0].T * parameter) + noise * torch.rand(())
        return torch.logsumexp(cosines, 1) * parts[1] + cosines.detach().sum(1)

    torch.manual_seed(3)
    result = map_blocks(function, [units, scale], [units if shared else others], block_size, [parameter])
    torch.manual_seed(4)  # backward must not depend on it
    inputs = [rows, scale, parameter, *([] if shared else [others])]
    return result, list(torch.autograd.grad(result.square().sum(), inputs))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("block_size", [1, 3, 6])
def test_equals_one_block(block_size: int, shared: bool) -> None:
    expected, gradients = solve(R, shared)
    result, found = solve(block_size, shared)
    torch.testing.assert_close(result, expected)
    for one, two in zip(found, gradients, strict=True):
        torch.testing.assert_close(one, two)


def test_the_gradient_is_that_of_the_numbers_drawn_in_forward() -> None:
    """The gradient of the scale is the block's value, random part included: drawing anew would show."""
    result, _ = solve(3, noise=1.0)
    again, found = solve(3, noise=1.0)
    assert torch.equal(result, again)
    rows, scale, others, parameter = tensors()
    torch.manual_seed(3)
    parts = []
    for start in (0, 3, 6):
        cosines = torch.tanh(2 * rows[start : start + 3] @ others.T * parameter) + torch.rand(())
        parts.append(torch.logsumexp(cosines, 1) * scale[start : start + 3] + cosines.detach().sum(1))
    expected = torch.autograd.grad(torch.cat(parts).square().sum(), (rows, scale, parameter, others))
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two)


def test_the_generator_goes_on_after_backward_as_if_nothing_had_been_drawn() -> None:
    solve(3, noise=1.0)
    after = torch.rand(1)
    torch.manual_seed(4)
    assert torch.equal(after, torch.rand(1))


def test_forward_keeps_no_graph_and_backward_has_one_block_at_a_time() -> None:
    seen: list[tuple[int, bool]] = []

    def function(start: int, stop: int, parts: Sequence[Tensor], whole: Sequence[Tensor]) -> Tensor:
        seen.append((stop - start, torch.is_grad_enabled()))
        return parts[0].sum(1)

    rows = torch.ones(R, D, requires_grad=True)
    result = map_blocks(function, [rows], [], 3)
    assert seen == [(3, False), (3, False), (1, False)]
    assert len(result.grad_fn.next_functions) == 1
    result.sum().backward()
    assert seen[3:] == [(3, True), (3, True), (1, True)]
    assert torch.equal(rows.grad, torch.ones(R, D))


@pytest.mark.parametrize("cast", [False, True])
def test_constants_get_no_gradient_and_backward_computes_under_the_autocast_of_forward(cast: bool) -> None:
    rows, others = torch.randn(R, D, requires_grad=True), torch.randn(5, D)
    kinds: list[torch.dtype] = []

    def function(start: int, stop: int, parts: Sequence[Tensor], whole: Sequence[Tensor]) -> Tensor:
        cosines = parts[0] @ whole[0].T
        kinds.append(cosines.dtype)
        return cosines.sum(1)

    with torch.autocast("cpu", torch.bfloat16, enabled=cast):
        result = map_blocks(function, [rows], [others], 4)
    with torch.autocast("cpu", torch.bfloat16, enabled=not cast):
        result.sum().backward()
    assert kinds == [torch.bfloat16 if cast else torch.float32] * 4
    tolerance = 0.05 if cast else None
    torch.testing.assert_close(rows.grad, others.sum(0).expand(R, D), atol=tolerance, rtol=tolerance)
    assert others.grad is None
