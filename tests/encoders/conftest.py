"""Every encoder of the registry, small, with batch-norm statistics that have seen data."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from speakerssl.encoders import Encoder, build_encoder
from speakerssl.encoders.blocks import SqueezeExcitation

FEAT_DIM = 20
SMALL: dict[str, dict[str, Any]] = {
    "campplus": {"head_channels": 8, "channels": 16, "growth": 8, "layers": [2, 2, 1], "embed_dim": 12},
    "ecapa_tdnn": {"channels": 16, "attention_channels": 8, "se_channels": 8, "embed_dim": 12},
    "ecapa_tdnn_padded": {
        "channels": 16,
        "pooled_channels": 24,
        "context": True,
        "attention_channels": 8,
        "se_channels": 8,
        "embed_dim": 12,
    },
    "eres2net": {"channels": 8, "counts": [1, 1, 2, 1], "embed_dim": 12},
    "ge2e_lstm": {
        "hidden": 12,
        "embed_dim": 12,
        "partial_frames": 20,
        "partial_step": 8,
    },
    "redimnet": {"variant": "b0", "channels": 12, "attention_channels": 8, "embed_dim": 12},
    "resnet_preactivated": {"channels": [8, 8, 12, 12], "counts": [1, 1, 1, 1], "embed_dim": 12},
    "residual_xvector": {
        "channels": 16,
        "last_channels": 24,
        "kernel_sizes": [5, 1, 3, 1, 3, 1],
        "dilations": [1, 1, 1, 1, 2, 1],
        "embed_dim": 12,
    },
    "rvector_resnet": {"depth": 50, "channels": 8, "embed_dim": 12, "second_layer": True},
    "xvector": {"channels": [16, 16, 16, 16, 24], "embed_dim": 12},
}


@pytest.fixture
def small_encoder() -> Callable[..., Encoder]:
    """`small_encoder(name, train=False, **options)`: few channels, warmed up, repeatable."""

    def build(name: str, train: bool = False, **options: Any) -> Encoder:
        torch.manual_seed(0)
        encoder = build_encoder(name, FEAT_DIM, **{**SMALL.get(name, {"channels": 8}), **options})
        with torch.no_grad():
            for module in encoder.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.momentum = 0.5
                    if not module.affine:
                        continue
                    torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                    torch.nn.init.uniform_(module.bias, -0.5, 0.5)
                elif isinstance(module, SqueezeExcitation):
                    torch.nn.init.constant_(module.reduce.bias, 2.0)  # one or two units: a dead ReLU is likely
            for _ in range(6):
                encoder(torch.randn(6, 60, FEAT_DIM) + 1.0)
        return encoder.train(train)

    return build


@pytest.fixture
def spectral_shape_losses() -> Callable[[Callable[[], Encoder]], list[float]]:
    """The losses of 40 steps in which a new encoder of 20 bins and 8 outputs learns to name 8 spectral shapes."""

    def train(build: Callable[[], Encoder]) -> list[float]:
        torch.manual_seed(0)
        encoder = build()
        shapes = torch.randn(8, 1, 20)
        optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
        losses = []
        for _ in range(40):
            feats = shapes + torch.randn(8, 40, 20)
            loss = torch.nn.functional.cross_entropy(encoder(feats), torch.arange(8))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return train
