"""The x-vector TDNN: its size, and its first layer against a loop over frames."""

from typing import Any

import pytest
import torch

from speakerssl.encoders import build_encoder


@pytest.mark.parametrize(("feat_dim", "parameters"), [(24, 4_211_604), (80, 4_354_964)])
def test_parameter_count(feat_dim, parameters):
    encoder: Any = build_encoder("xvector", feat_dim)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters
    assert encoder.embed_dim == 512


def test_context_is_fifteen_frames():
    encoder: Any = build_encoder("xvector", 20, channels=[8] * 5).eval()
    assert encoder.min_frames == 15
    seen = []
    encoder.pooling.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    feats = torch.randn(1, 40, 20, generator=torch.Generator().manual_seed(0)).requires_grad_()
    encoder(feats)
    assert seen[0].shape[2] == 40 - 14
    (gradient,) = torch.autograd.grad(seen[0][0, :, 10].sum(), feats)
    touched = gradient.abs().sum(dim=(0, 2)).nonzero().flatten().tolist()
    assert touched[0] == 10
    assert touched[-1] == 24
