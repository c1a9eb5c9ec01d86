"""ResNet-34s: the published sizes, strides, and instance normalization."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.masking import length_mask
from speakerssl.encoders.resnet import normalize_instances


def _parameters(encoder: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in encoder.parameters())


@pytest.mark.parametrize(
    ("name", "feat_dim", "parameters", "embed_dim"),
    [
        ("thin_resnet34", 40, 1_846_822, 512),
        ("thin_resnet34_large", 40, 7_045_196, 1024),
        ("fast_resnet34", 40, 1_437_078, 512),
        ("fast_resnet34", 80, 1_437_078, 512),
        ("rvector_resnet34", 80, 6_634_336, 256),
    ],
)
def test_published_parameter_counts(name, feat_dim, parameters, embed_dim):
    encoder: Any = build_encoder(name, feat_dim)
    assert _parameters(encoder) == parameters
    assert encoder.embed_dim == embed_dim


@pytest.mark.parametrize(
    ("name", "frames_out", "values"),
    [("thin_resnet34", 25, 64 * 5), ("fast_resnet34", 50, 64), ("rvector_resnet34", 25, 64 * 5)],
)
def test_pooling_sees_the_published_map(name, frames_out, values):
    encoder: Any = build_encoder(name, 40, channels=8).eval()
    seen = []
    encoder.pooling.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    encoder(torch.randn(1, 200, 40))
    assert seen == [(1, values, frames_out)]


@pytest.mark.parametrize("feat_dim", [23, 30, 41])
@pytest.mark.parametrize("name", ["thin_resnet34", "fast_resnet34"])
def test_any_number_of_mel_bins(name, feat_dim):
    encoder: Any = build_encoder(name, feat_dim, channels=8).eval()
    assert encoder(torch.randn(2, 30, feat_dim)).shape == (2, 512)


def test_instance_normalization_equals_a_loop():
    x = torch.randn(2, 3, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 4 + 2
    lengths = torch.tensor([12, 7])
    normed = normalize_instances(x, length_mask(lengths, 12))
    for row, length in enumerate(lengths.tolist()):
        for bin_values, result in zip(x[row], normed[row]):
            real = bin_values[:length]
            expected = (real - real.mean()) / torch.sqrt(real.var(unbiased=False) + 1e-5)
            torch.testing.assert_close(result[:length], expected)
            assert result[length:].abs().sum() == 0
    torch.testing.assert_close(normalize_instances(x, None), torch.nn.functional.instance_norm(x))


@pytest.mark.parametrize("name", ["thin_resnet34", "fast_resnet34"])
def test_instance_normalization_takes_out_gain_and_offset(name, small_encoder):
    feats = torch.randn(2, 60, 20, generator=torch.Generator().manual_seed(0))
    encoder = small_encoder(name)
    torch.testing.assert_close(encoder(feats * 2 + 3), encoder(feats), atol=1e-3, rtol=0)
    plain = small_encoder(name, instance_norm=False)
    assert (plain(feats * 2 + 3) - plain(feats)).abs().max() > 1e-2
