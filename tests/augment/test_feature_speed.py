"""Speeds of stored features: what a change of the wave does to them, on a tone, on noise and on real speech."""

import numpy as np
import pytest
import torch

from speakerssl.augment.feature_speed import FeatureSpeed
from speakerssl.augment.speed import change_speed
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend

FEATURES = {"kind": "fbank", "num_mel_bins": 64, "high_freq": 7600}


def log_mel(wave: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return FeatureFrontend(FEATURES).raw(torch.from_numpy(wave.astype(np.float32))[None])[0].numpy()


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of mean-normalized features, of bins that lie below the highest quarter."""
    count, bins = min(len(one), len(other)), 48
    one, other = (x[:count, :bins] - x[:count, :bins].mean(0) for x in (one, other))
    return float(np.abs(one - other).mean())


def test_at_speed_one_nothing_changes() -> None:
    frames = np.random.default_rng(0).standard_normal((30, 64)).astype(np.float32)
    np.testing.assert_allclose(FeatureSpeed(FEATURES, (0.8, 1.2))(frames, 1.0, 30), frames, atol=1e-6)


@pytest.mark.parametrize("speed", [0.85, 1.2])
def test_a_tone_moves_to_the_bin_of_its_new_frequency(speed: float) -> None:
    tone = 8000 * np.sin(2 * np.pi * 1500 / 16_000 * np.arange(32_000))
    changed = FeatureSpeed(FEATURES, (0.8, 1.25))
    frames = log_mel(tone)
    found = changed(frames, speed, int(len(frames) / speed)).mean(0).argmax()
    assert found == log_mel(change_speed(tone, speed)).mean(0).argmax()


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_it_is_nearer_to_a_change_of_the_wave_than_what_was_stored(speed: float, real_speech: np.ndarray) -> None:
    before, wanted = log_mel(real_speech), log_mel(change_speed(real_speech, speed))
    changed = FeatureSpeed(FEATURES, (0.8, 1.25))
    count = len(wanted) - 2  # windows at the end see other samples
    found = changed(before, speed, count)
    assert distance(found, wanted) < 0.6 * distance(before, wanted)


def test_speeds_fill_their_range_evenly_on_a_logarithmic_scale() -> None:
    rng, speeds = np.random.default_rng(0), FeatureSpeed(FEATURES, (0.8, 1.25))
    drawn = np.log([speeds.draw(rng) for _ in range(4000)])
    assert np.log(0.8) <= drawn.min() < np.log(0.81)
    assert np.log(1.24) < drawn.max() <= np.log(1.25)
    assert abs(drawn.mean()) < 0.01


def test_reach_is_what_is_read() -> None:
    for speed in (0.5, 0.87, 1.0, 1.13, 2.0):
        for count in (1, 2, 37, 200):
            frames = np.zeros((FeatureSpeed.reach(speed, count), 64), np.float32)
            assert FeatureSpeed(FEATURES, (0.5, 2.0))(frames, speed, count).shape == (count, 64)
            if len(frames) > 1:
                with pytest.raises(IndexError):
                    FeatureSpeed(FEATURES, (0.5, 2.0))(frames[:-1], speed, count)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="fbank"):
        FeatureSpeed({"kind": "mfcc"}, (0.9, 1.1))
    with pytest.raises(InputError, match="use_energy"):
        FeatureSpeed({**FEATURES, "use_energy": True}, (0.9, 1.1))
    with pytest.raises(InputError, match="from 0"):
        FeatureSpeed(FEATURES, (0.4, 1.1))
