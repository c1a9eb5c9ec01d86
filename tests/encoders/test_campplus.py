"""CAM++: its published size, the frame rate, options that cannot be."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.campplus import CamPlusPlus, DenseLayer, Transition
from speakerssl.errors import InputError


def test_published_size() -> None:
    encoder = build_encoder("campplus", 80)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 6_848_544
    assert encoder.embed_dim == 192


def test_channels_grow_and_are_halved() -> None:
    encoder: Any = CamPlusPlus(20, head_channels=4, channels=16, growth=8, layers=(2, 1), dilations=(1, 2), embed_dim=6)
    sizes = [[layer.norm1.num_features for layer in block] for block in encoder.blocks]
    assert sizes == [[16, 24], [16]]
    assert [transition.conv.out_channels for transition in encoder.transitions] == [16, 12]
    assert encoder.embedding.in_features == 24


def test_layers_keep_the_frames() -> None:
    x = torch.randn(2, 6, 15)
    assert DenseLayer(6, 8, 3, dilation=2)(x, None).shape == (2, 3, 15)
    assert Transition(6)(x, None).shape == (2, 3, 15)


@pytest.mark.parametrize("options", [{"layers": [2]}, {"growth": 0}, {"dilations": [0, 1, 1]}])
def test_options_that_cannot_be(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="campplus: layers and dilations must be as many numbers each"):
        build_encoder("campplus", 80, **options)
