"""NumPy's features are torch's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.data.kaldi import DataDir
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.features.numpy_frontend import NumpyFrontend


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_mel_bins": 40, "cmn": "none", "window_type": "hamming"},
        {"norm_vars": True, "added_variance": 1e-5, "window_type": "hanning", "preemphasis_coefficient": 0.0},
        {"window_type": "blackman", "remove_dc_offset": False, "use_power": False},
        {"window_type": "sine", "use_log_fbank": False, "sample_frequency": 8000, "num_mel_bins": 23},
        {"window_type": "rectangular", "round_to_power_of_two": False, "low_freq": 60.0, "high_freq": -400.0},
    ],
)
def test_features_are_those_of_torch(config: dict[str, Any]) -> None:
    wave = (3000 * np.random.default_rng(0).standard_normal(9000) + 500).astype(np.float32)
    found, torch_s = NumpyFrontend(config), FeatureFrontend(config)
    expected = torch_s.recording(torch.from_numpy(wave)).numpy()
    assert (found.feature_dim, found.sample_rate) == (torch_s.feature_dim, torch_s.sample_rate)
    np.testing.assert_allclose(found.recording(wave), expected, rtol=1e-3, atol=1e-3 * max(1.0, expected.max() / 20))


def test_real_speech(shared_data: Path) -> None:
    utterance = DataDir.read(shared_data / "speechocean762" / "test").utterances[3]
    wave = utterance.read()
    # Against float64, NumPy's rounding is less than torch's in float32, 0.002 and 0.005 at most here.
    expected = FeatureFrontend({}).double().recording(torch.from_numpy(wave).double()).numpy()
    difference = np.abs(NumpyFrontend({}).recording(wave) - expected)
    assert difference.max() < 0.005
    assert difference.mean() < 1e-4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "mfcc"}, "kind mfcc need torch"),
        ({"vad": True}, "vad need torch"),
        ({"deltas": 1}, "deltas need torch"),
        ({"cmn": "sliding"}, "cmn sliding need torch"),
        ({"dither": 1.0}, "dither"),
        ({"vtln_warp": 1.1}, "vtln_warp"),
        ({"num_mel_bin": 40}, "unknown key 'num_mel_bin'"),
    ],
)
def test_what_needs_torch_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NumpyFrontend(config)


def test_less_than_a_frame_is_refused() -> None:
    with pytest.raises(InputError, match="shorter than one frame"):
        NumpyFrontend({}).recording(np.ones(100, np.float32))
