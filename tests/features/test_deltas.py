"""Deltas against Kaldi's numbers, the slope of a ramp, and bad input."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speakerssl.errors import InputError
from speakerssl.features import add_deltas
from speakerssl.features.deltas import delta_filters


@pytest.mark.parametrize("recording", ["utt1", "utt2", "utt3", "silence", "clip400"])
def test_equals_kaldi(golden: Mapping[str, NDArray], recording: str) -> None:
    feats = torch.from_numpy(golden[f"{recording}/mfcc_a"])
    for name, order, window in (("deltas", 2, 2), ("deltas_w3", 1, 3)):
        apart = add_deltas(feats, order, window).numpy() - golden[f"{recording}/{name}"]
        assert np.abs(apart).max() < 1e-4, name


def test_a_parabola_has_its_slope_and_curvature_inside() -> None:
    frame = torch.arange(30, dtype=torch.float64)
    values = (0.5 * frame**2 - 3 * frame)[:, None]
    inside = add_deltas(values)[8:22]
    assert torch.allclose(inside[:, 1], frame[8:22] - 3)
    assert torch.allclose(inside[:, 2], torch.ones(14, dtype=torch.float64))


def test_filters() -> None:
    assert delta_filters(1, 2)[1] == pytest.approx([-0.2, -0.1, 0, 0.1, 0.2])
    assert [len(taps) for taps in delta_filters(2, 3)] == [1, 7, 13]


def test_a_batch_is_its_recordings_and_gradients_flow() -> None:
    feats = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(add_deltas(feats)[1], add_deltas(feats[1]))
    assert add_deltas(feats, delta_order=0).equal(feats)
    assert torch.autograd.gradcheck(add_deltas, (feats.requires_grad_(),))


def test_bad_input_is_an_error() -> None:
    with pytest.raises(InputError, match="delta_window=0"):
        add_deltas(torch.zeros(5, 2), delta_window=0)
    with pytest.raises(InputError, match="shape"):
        add_deltas(torch.zeros(5))
