"""Tiny encoders and views: features in which each recording has its own mean, so that there is something to learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from speakerssl.encoders import Encoder, build_encoder
from speakerssl.methods import Method, Plan, build_method

FEATS, DIM = 8, 12

SMALL = {"hidden_dim": 16, "out_dim": 8}

# The options that make each method small enough for a test; the rest are defaults.
TINY: dict[str, dict[str, Any]] = {
    "simclr": {"projector": SMALL},
    "moco": {"projector": SMALL, "momentum": 0.9},
    "multiview": {"projector": SMALL},
    "vicreg": {"projector": SMALL},
    "barlow": {"projector": SMALL},
    "wmse": {"projector": {"hidden_dim": 16, "out_dim": 4}, "sub_batch": 8},
    "byol": {"projector": SMALL, "predictor": {"hidden_dim": 16}},
    "simsiam": {"projector": SMALL, "predictor": {"hidden_dim": 4}},
    "swav": {"projector": SMALL, "prototypes": 10, "queue_size": 24, "queue_epoch": 0},
    "dino": {"head": {"hidden_dim": 16, "bottleneck_dim": 8, "out_dim": 20}},
    "sdpn": {"projector": SMALL, "prototypes": 10},
    "lim": {"projector": SMALL},
    "deepcluster": {"projector": SMALL, "clusters": [4, 3]},
}

CONTRASTIVE = ("simclr", "moco", "multiview")


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return build_encoder("small_tdnn", FEATS, channels=8, blocks=1, stride=2, kernel_size=3, aggregate_dim=0,
                         bottleneck=4, embed_dim=DIM, pooling="mean")  # fmt: skip


@pytest.fixture
def make(encoder: Encoder) -> Callable[..., Method]:
    """`make("dino", export_encoder="student")`: the tiny method, in training mode, in a run of 20 steps, 4 an epoch."""

    def build(name: str, loss: dict[str, Any] | None = None, **options: Any) -> Method:
        torch.manual_seed(1)
        section = {"temperature": 0.2} if loss is None and name in CONTRASTIVE else loss or {}
        method = build_method(encoder, {"name": name, **TINY[name], **options}, section)
        method.plan = Plan(steps_per_epoch=4, total_steps=20, log_every=1)
        if method.needs_reference:
            method.start_epoch(0, lambda: np.random.default_rng(0).standard_normal((20, DIM)).astype(np.float32))
        return method.train()

    return build


def views_of(count: int, batch: int = 16, seed: int = 0, local: int = 0) -> list[Tensor]:
    """`count` views [batch, 12, FEATS] (then `local` ones of 6 frames) of recordings with means of their own."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(batch, 1, FEATS, generator=generator)
    lengths = [12] * count + [6] * local
    return [means + 0.5 * torch.randn(batch, frames, FEATS, generator=generator) for frames in lengths]


rng = np.random.default_rng(0)

X, Y = rng.standard_normal((10, 4)) * [1, 2, 0.5, 0.1], rng.standard_normal((10, 4))


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(X), torch.from_numpy(Y)


def unit(values: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(values, dim=1)


def entropy(target: torch.Tensor, logits: torch.Tensor) -> float:
    return float(-(target * logits.log_softmax(1)).sum(1).mean())
