"""Normalization against Kaldi's numbers and against a loop over frames; lengths, gradients, bad input."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speakerssl.errors import InputError
from speakerssl.features import sliding_cmvn, utterance_cmn, utterance_cmvn

KALDI: dict[str, dict[str, Any]] = {
    "cmn_300": {"cmn_window": 300, "center": True},
    "cmn_50": {"cmn_window": 50, "center": True},
    "cmn_51": {"cmn_window": 51, "center": True},
    "cmn_50_vars": {"cmn_window": 50, "center": True, "norm_vars": True},
    "cmn_300_vars": {"cmn_window": 300, "center": True, "norm_vars": True},
    "cmn_50_left": {"cmn_window": 50},
}


def random_feats(*shape: int) -> torch.Tensor:
    return 5 + 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def slow_sliding(feats: NDArray, window: int, min_window: int, center: bool, norm_vars: bool) -> NDArray:
    frames, result = len(feats), np.zeros_like(feats)
    for frame in range(frames):
        start, stop = (frame - window // 2, frame - window // 2 + window) if center else (frame - window, frame + 1)
        if start < 0:
            start, stop = 0, stop - start
        if not center:
            stop = max(frame + 1, min_window)
        if stop > frames:
            start, stop = max(0, start - (stop - frames)), frames
        part = feats[start:stop]
        result[frame] = feats[frame] - part.mean(0)
        if norm_vars:
            result[frame] *= 0.0 if len(part) == 1 else 1 / np.sqrt(np.maximum(part.var(0), 1e-10))
    return result


@pytest.mark.parametrize("recording", ["utt1", "utt2", "utt3", "silence", "clip400"])
def test_equals_kaldi(golden: Mapping[str, NDArray], recording: str) -> None:
    feats = torch.from_numpy(golden[f"{recording}/mfcc_a"])
    for name, options in KALDI.items():
        apart = sliding_cmvn(feats, **options).numpy() - golden[f"{recording}/{name}"]
        assert np.abs(apart).max() < 1e-4, name
    assert np.abs(utterance_cmn(feats).numpy() - golden[f"{recording}/cmvn_utt"]).max() < 2e-5
    if recording != "silence":  # rounding noise over a floored deviation
        assert np.abs(utterance_cmvn(feats).numpy() - golden[f"{recording}/cmvn_utt_vars"]).max() < 1e-5


@pytest.mark.parametrize("norm_vars", [True, False])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("window", "min_window"), [(1, 1), (2, 5), (10, 3), (11, 30), (600, 100)])
@pytest.mark.parametrize("frames", [1, 2, 12, 45])
def test_sliding_window_equals_a_loop(frames: int, window: int, min_window: int, center: bool, norm_vars: bool) -> None:
    feats = random_feats(frames, 3).double()
    ours = sliding_cmvn(feats, None, window, min_window, center, norm_vars)
    expected = slow_sliding(feats.numpy(), window, min_window, center, norm_vars)
    assert ours.numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("function", [utterance_cmn, utterance_cmvn, sliding_cmvn])
def test_a_padded_batch_gives_the_features_of_each_recording(function: Any) -> None:
    feats, lengths = random_feats(3, 50, 4), torch.tensor([50, 17, 31])
    for row, length in enumerate(lengths.tolist()):
        feats[row, length:] = float("nan")
    batch = function(feats, lengths)
    for row, length in enumerate(lengths.tolist()):
        assert torch.allclose(batch[row, :length], function(feats[row, :length]), atol=1e-6)
        assert (batch[row, length:] == 0).all()


def test_the_result_has_mean_0_and_deviation_1() -> None:
    feats = random_feats(2, 80, 5)
    assert utterance_cmn(feats).mean(1).abs().max() < 1e-5
    normalized = utterance_cmvn(feats)
    assert torch.allclose(normalized.std(1, correction=0), torch.ones(2, 5), atol=1e-5)
    assert torch.allclose(utterance_cmvn(7 * feats - 3), normalized, atol=1e-4)
    assert normalized.dtype == torch.float32


@pytest.mark.parametrize("function", [utterance_cmn, utterance_cmvn, sliding_cmvn])
def test_gradients(function: Any) -> None:
    feats = random_feats(2, 9, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: function(values, torch.tensor([9, 5])), (feats,))


def test_a_constant_column_stays_finite() -> None:
    feats = torch.full((1, 10, 2), 3.0, requires_grad=True)
    normalized = utterance_cmvn(feats)
    normalized.sum().backward()
    assert torch.equal(normalized.detach(), torch.zeros(1, 10, 2))
    assert torch.isfinite(feats.grad).all()


def test_bad_input_is_an_error() -> None:
    feats = random_feats(2, 10, 3)
    for lengths in ([10, 11], [0, 5], [10]):
        with pytest.raises(InputError, match="lengths"):
            utterance_cmn(feats, torch.tensor(lengths))
    for shape in ((3,), (0, 3), (1, 2, 3, 4)):
        with pytest.raises(InputError, match="shape"):
            utterance_cmvn(torch.zeros(shape))
    with pytest.raises(InputError, match="cmn_window=0"):
        sliding_cmvn(feats, cmn_window=0)
