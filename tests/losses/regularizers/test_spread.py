"""Uniformity and KoLeo."""

import math

import pytest
import torch

from speakerssl.losses.build import build_regularizers
from speakerssl.losses.identity import identify
from speakerssl.losses.regularizers import spread, threshold
from speakerssl.losses.vectors import normalize
from tests.losses.regularizers.conftest import KEYS, D, N, batch, value


def test_uniformity_equals_a_slow_loop_and_is_0_at_collapse() -> None:
    expected = 0.0
    for view in batch():
        units = normalize(view)
        pairs = [math.exp(-2 * (units[i] - units[j]).square().sum()) for i in range(N) for j in range(i)]
        expected += math.log(sum(pairs) / len(pairs)) / 2
    assert value("uniformity", *batch()) == pytest.approx(expected, abs=1e-12)
    same = torch.ones(N, D, dtype=torch.float64)
    assert value("uniformity", same, same) == pytest.approx(0.0, abs=1e-12)


def test_koleo_equals_a_slow_loop() -> None:
    expected = 0.0
    for view in batch():
        units = normalize(view)
        nearest = [min((units[i] - units[j]).norm().item() for j in range(N) if j != i) for i in range(N)]
        expected -= sum(math.log(distance + 1e-8) for distance in nearest) / N / 2
    assert value("koleo", *batch()) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["uniformity", "koleo", "tcm"])
def test_blocks_of_rows_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for block in (1024, 4):
        monkeypatch.setattr(spread, "BLOCK", block)
        monkeypatch.setattr(threshold, "BLOCK", block)
        view1, view2 = (view.requires_grad_() for view in batch())
        term = build_regularizers({"name": name, **({"negative_margin": 0.1} if name == "tcm" else {})})[0]
        term(view1, view2, identify(KEYS), identify(KEYS)).backward()
        results.append(view1.grad)
    torch.testing.assert_close(results[0], results[1])
