"""The small ResNet: its size, its options, and that it learns."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder


def test_default_size():
    encoder: Any = build_encoder("small_resnet", 64)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 471_728
    assert encoder.embed_dim == 256


@pytest.mark.parametrize(
    "options",
    [
        {"stem_stride": [2, 2]},
        {"counts": [2, 1], "strides": [2, 2], "se_reduction": 4},
        {"pooling": "statistics", "embed_dim": 7},
    ],
)
def test_options_keep_padded_equal_to_unpadded(options, small_encoder):
    encoder = small_encoder("small_resnet", **options)
    feats = torch.randn(2, 50, 20, generator=torch.Generator().manual_seed(1))
    padded = encoder(feats, torch.tensor([50, 29]))
    alone = encoder(feats[1:, :29])
    torch.testing.assert_close(padded[1:], alone, atol=1e-5, rtol=0)
    assert padded.shape == (2, encoder.embed_dim)


def test_blocks_see_the_strided_image():
    encoder: Any = build_encoder("small_resnet", 20, channels=8).eval()
    seen = []
    encoder.blocks[0].register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    encoder(torch.zeros(1, 201, 20))
    assert seen == [(1, 8, 10, 51)]


def test_layout_is_kept_by_a_state_dict():
    encoder: Any = build_encoder("small_resnet", 20, channels=8)
    other: Any = build_encoder("small_resnet", 20, channels=8)
    other.load_state_dict(encoder.state_dict())
    conv = other.blocks[0].conv1.weight
    assert conv.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(conv, encoder.blocks[0].conv1.weight)


def test_learns_to_tell_spectral_shapes_apart(spectral_shape_losses):
    losses = spectral_shape_losses(lambda: build_encoder("small_resnet", 20, channels=8, embed_dim=8))
    assert sum(losses[-5:]) / 5 < 0.5 * losses[0]
