"""Metrix: mixtures of a positive and a negative."""

import pytest
import torch

from speakerssl.losses.regularizers.mixup import mixed_loss
from tests.losses.regularizers.conftest import KEYS, N, batch, value


def test_metrix_equals_a_slow_loop() -> None:
    view1, view2 = batch()
    other = torch.tensor([8, 0, 1, 2, 3, 4, 5, 6, 7])
    share = torch.linspace(0.1, 0.9, N, dtype=torch.float64)
    with_anchor = torch.tensor([True, False, True] * 3)
    losses = []
    for i in range(N):
        if KEYS[i] == KEYS[other[i]]:
            continue
        anchor = view1[i] / view1[i].norm()
        positive = anchor if with_anchor[i] else view2[i] / view2[i].norm()
        negative = view2[other[i]] / view2[other[i]].norm()
        mixed = share[i] * positive + (1 - share[i]) * negative
        d = (anchor - mixed / mixed.norm()).norm().item()
        losses.append(share[i].item() * d + (1 - share[i].item()) * max(0.0, 0.5 - d))
    assert len(losses) == N - 1
    actual = mixed_loss(view1, view2, other, share, with_anchor, 0.5, KEYS[other] != KEYS)
    assert actual.item() == pytest.approx(sum(losses) / len(losses), abs=1e-9)


def test_metrix_never_mixes_a_recording_with_itself() -> None:
    """Two recordings: each must be mixed with the other, whatever the draw."""
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    for seed in range(20):
        torch.manual_seed(seed)
        assert value("metrix", apart, apart, torch.arange(2)) > 0.01
