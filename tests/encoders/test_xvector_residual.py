"""The residual x-vector: its size, its context, and a pair of layers that adds its input."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError


def test_parameter_count_and_context() -> None:
    encoder: Any = build_encoder("residual_xvector", 40)
    assert len(encoder.convs) == 13
    assert encoder.min_frames == 37
    assert sum(p.numel() for p in encoder.parameters()) == 25_340_016
    assert encoder.embed_dim == 256


def test_a_pair_that_does_nothing_passes_its_input_on() -> None:
    torch.manual_seed(0)
    options = {"channels": 6, "last_channels": 4, "kernel_sizes": [1, 1, 3, 1, 1], "dilations": [1, 1, 2, 1, 1]}
    encoder: Any = build_encoder("residual_xvector", 5, **options).eval()
    for layer in (
        2,
        3,
    ):  # the second pair gives zeros, so that only the shortcut is left, cut to the frames that remain
        torch.nn.init.zeros_(encoder.convs[layer].weight)
        torch.nn.init.zeros_(encoder.convs[layer].bias)
    seen = []
    encoder.convs[2].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder.convs[4].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    encoder(torch.randn(2, 20, 5))
    assert torch.allclose(seen[1], seen[0][:, :, 2:-2], atol=1e-6)


@pytest.mark.parametrize("options", [{"kernel_sizes": [2]}, {"dilations": [1]}, {"channels": 0}])
def test_bad_sizes_are_an_error(options: dict) -> None:
    with pytest.raises(InputError, match="residual_xvector"):
        build_encoder("residual_xvector", 5, **options)
