"""Every encoder of the registry, small, with batch-norm statistics that have seen data."""

from collections.abc import Callable

import pytest
import torch

from speakerssl.encoders import Encoder, build_encoder
from speakerssl.encoders.se import SqueezeExcitation

FEAT_DIM = 20
SMALL = {
    "ecapa_tdnn": {"channels": 16, "attention_channels": 8, "se_channels": 8, "embed_dim": 12},
    "xvector": {"channels": [16, 16, 16, 16, 24], "embed_dim": 12},
}


@pytest.fixture
def small_encoder() -> Callable[..., Encoder]:
    """`small_encoder(name, train=False, **options)`: few channels, warmed up, repeatable."""

    def build(name: str, train: bool = False, **options: object) -> Encoder:
        torch.manual_seed(0)
        encoder = build_encoder(name, FEAT_DIM, **{**SMALL.get(name, {"channels": 8}), **options})
        with torch.no_grad():
            for module in encoder.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.momentum = 0.5
                    torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                    torch.nn.init.uniform_(module.bias, -0.5, 0.5)
                elif isinstance(module, SqueezeExcitation):
                    torch.nn.init.constant_(module.reduce.bias, 2.0)  # one or two units: a dead ReLU is likely
            for _ in range(6):
                encoder(torch.randn(6, 60, FEAT_DIM) + 1.0)
        return encoder.train(train)

    return build
