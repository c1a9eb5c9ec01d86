"""Threshold consistency."""

import pytest
import torch

from speakerssl.losses.vectors import normalize
from tests.losses.regularizers.conftest import KEYS, N, batch, value


def test_threshold_consistency_equals_a_slow_loop() -> None:
    view1, view2 = batch()
    items = [(KEYS[i % N].item(), v) for i, v in enumerate(normalize(torch.cat([view1, view2])))]
    positive = [(items[i][1] @ items[i + N][1]).item() for i in range(N)]
    missing = [0.9 - s for s in positive if s <= 0.9]
    excess = []
    for i in range(2 * N):
        for j in range(i):
            s = (items[i][1] @ items[j][1]).item()
            if items[i][0] != items[j][0] and s >= 0.5:
                excess.append(s - 0.5)
    assert missing
    assert excess
    expected = 2 * sum(missing) / len(missing) + 3 * sum(excess) / len(excess)
    config = {"name": "tcm", "positive_weight": 2, "negative_weight": 3}
    assert value(config, view1, view2) == pytest.approx(expected, abs=1e-12)


def test_threshold_consistency_of_empty_sets_is_0() -> None:
    apart = torch.eye(4, dtype=torch.float64)
    assert value("tcm", apart, apart, torch.arange(4)) == 0.0
