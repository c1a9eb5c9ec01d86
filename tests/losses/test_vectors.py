"""Rows of embeddings as the losses need them."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.vectors import ROWS, check_views, lengths, normalize, promote


def test_unit_length_whatever_the_number_of_rows() -> None:
    for count in (1, ROWS, ROWS + 3):
        view = torch.randn(count, 4, dtype=torch.float64, requires_grad=True)
        expected = view / view.norm(dim=1, keepdim=True)
        torch.testing.assert_close(normalize(view), expected)
        torch.testing.assert_close(lengths(view), view.norm(dim=1))
        weight = torch.randn(count, 4, dtype=torch.float64)
        one, other = (torch.autograd.grad((found * weight).sum(), view)[0] for found in (normalize(view), expected))
        torch.testing.assert_close(one, other)


def test_a_row_of_zeros_stays_zero() -> None:
    assert not normalize(torch.zeros(2, 3)).any()


def test_precision_is_single_or_double() -> None:
    assert promote(torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert promote(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("shapes", [[(3, 2), (2, 2)], [(3,), (3,)], [(0, 2), (0, 2)]])
def test_other_shapes_are_named(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(InputError, match=r"views of equal shape \[N, D\], got \["):
        check_views(*map(torch.zeros, shapes))
    check_views(torch.zeros(1, 2), torch.zeros(1, 2))
