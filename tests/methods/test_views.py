"""Views of a batch go through a network together where they have one length."""

import pytest
import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.methods.views import at_least, join_views


def test_each_view_gets_its_own_output_in_as_few_passes_as_lengths() -> None:
    passes: list[tuple[int, ...]] = []

    class Means(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            passes.append(tuple(x.shape))
            return x.mean(dim=1)

    views = [torch.randn(3, frames, 2) for frames in (10, 10, 4, 4, 4, 10)]
    found = join_views(Means(), views)
    assert passes == [(6, 10, 2), (9, 4, 2), (3, 10, 2)]
    for output, view in zip(found, views, strict=True):
        torch.testing.assert_close(output, view.mean(dim=1))


def test_too_few_views_are_named() -> None:
    at_least("dino", [torch.zeros(1)] * 2, 2, "views.num_global")
    with pytest.raises(InputError, match=r"^method dino needs 2 views, there are 1: raise views\.num_global$"):
        at_least("dino", [torch.zeros(1)], 2, "views.num_global")
