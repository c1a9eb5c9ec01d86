"""The SimCLR projector and its absence."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import Projector
from speakerssl.errors import InputError


def test_default_is_2048_256():
    projector = Projector(512)
    assert projector(torch.randn(3, 512)).shape == (3, 256)
    assert sum(p.numel() for p in projector.parameters()) == 512 * 2048 + 2048 + 2048 * 256 + 256
    assert projector.out_dim == 256


def test_equal_to_its_formula():
    torch.manual_seed(0)
    projector = Projector(5, 7, 3)
    x = torch.randn(4, 5)
    layers: Any = projector.layers
    first, _, second = layers
    expected = torch.relu(x @ first.weight.T + first.bias) @ second.weight.T + second.bias
    torch.testing.assert_close(projector(x), expected)


@pytest.mark.parametrize("hidden_dim", [None, 0])
def test_none_is_the_identity(hidden_dim):
    projector = Projector(12, hidden_dim=hidden_dim)
    x = torch.randn(3, 12)
    assert projector(x) is x
    assert projector.out_dim == 12
    assert not list(projector.parameters())


@pytest.mark.parametrize("sizes", [(0, 4, 4), (4, -1, 4), (4, 4, 0)])
def test_impossible_sizes(sizes):
    with pytest.raises(InputError, match="projector: sizes must be at least 1"):
        Projector(*sizes)
