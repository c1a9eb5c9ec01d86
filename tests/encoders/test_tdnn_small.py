"""The small TDNN: its size, its options, and that it learns."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder


def test_default_size():
    encoder: Any = build_encoder("small_tdnn", 64)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 527_744
    assert encoder.embed_dim == 256


@pytest.mark.parametrize(
    "options",
    [
        {"se": False},
        {"aggregate_dim": 0},
        {"blocks": 3, "dilations": [1, 3]},
        {"stride": 1, "kernel_size": 1},
        {"stride": 4, "kernel_size": 9, "pooling": "statistics"},
        {"embed_dim": 7, "pooling": "mean"},
    ],
)
def test_options_keep_padded_equal_to_unpadded(options, small_encoder):
    encoder = small_encoder("small_tdnn", **options)
    feats = torch.randn(2, 50, 20, generator=torch.Generator().manual_seed(1))
    padded = encoder(feats, torch.tensor([50, 29]))
    alone = encoder(feats[1:, :29])
    torch.testing.assert_close(padded[1:], alone, atol=1e-5, rtol=0)
    assert padded.shape == (2, encoder.embed_dim)


def test_blocks_see_a_frame_in_stride():
    encoder: Any = build_encoder("small_tdnn", 20, channels=8, stride=4).eval()
    seen = []
    encoder.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[-1]))
    encoder(torch.zeros(1, 201, 20))
    assert seen == [51]


def test_dilations_repeat_over_the_blocks():
    encoder: Any = build_encoder("small_tdnn", 20, channels=8, blocks=5, dilations=[1, 2])
    assert [block.conv.dilation[1] for block in encoder.blocks] == [1, 2, 1, 2, 1]


def test_learns_to_tell_spectral_shapes_apart(spectral_shape_losses):
    losses = spectral_shape_losses(lambda: build_encoder("small_tdnn", 20, channels=16, aggregate_dim=0, embed_dim=8))
    assert sum(losses[-5:]) / 5 < 0.3 * losses[0]
