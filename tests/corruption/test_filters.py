"""Filters of the held-out channels: power, place in time, the band of a telephone, codecs."""

import numpy as np
import pytest
from scipy.signal import sosfreqz

from speakerssl.augment.codec import KINDS
from speakerssl.augment.levels import power
from speakerssl.corruption.filters import (
    Effect,
    codec_effect,
    comb_and_shelf,
    peaking,
    peaking_biquad,
    steep_fir,
    telephone_line,
)


def test_peaking_biquad_peaks() -> None:
    _, gains = sosfreqz(peaking_biquad(1000.0, 12.0, 4.0)[None], [100.0, 1000.0, 7000.0], fs=16000)
    np.testing.assert_allclose(20 * np.log10(np.abs(gains)), [0.0, 12.0, 0.0], atol=0.3)


@pytest.mark.parametrize("effect", [steep_fir, peaking, comb_and_shelf])
def test_equalizers_keep_power_and_place(effect: Effect, rng: np.random.Generator) -> None:
    noise = 1000 * rng.standard_normal(32000).astype(np.float32)
    filtered, _ = effect(noise, rng)
    assert filtered.shape == noise.shape
    assert filtered.dtype == np.float32
    assert power(filtered) == pytest.approx(power(noise), rel=1e-3)
    correlation = np.fft.irfft(np.fft.rfft(filtered, 65536) * np.fft.rfft(noise, 65536).conj())
    lag = int(np.argmax(np.abs(correlation)))
    assert min(lag, 65536 - lag) <= 48


@pytest.mark.parametrize("codec", ["a_law", "gsm", "g723"])
def test_the_telephone_line_has_no_treble(codec: str, rng: np.random.Generator) -> None:
    noise = 1000 * rng.standard_normal(32000).astype(np.float32)
    line, words = telephone_line(codec)(noise, rng)
    spectrum = np.abs(np.fft.rfft(line)) ** 2
    assert words == f"telephone-{codec}"
    assert spectrum[8400:].sum() < 1e-3 * spectrum.sum()  # above 4.2 kHz


def test_a_codec_is_named_with_its_level(wave: np.ndarray, rng: np.random.Generator) -> None:
    plain, words = codec_effect("a_law")(wave, rng)
    assert words == "a_law"
    assert plain.shape == wave.shape
    _, words = codec_effect("opus")(wave, rng)
    kind, _, level = words.partition("-")
    low, high = KINDS["opus"].levels or (0.0, 0.0)
    assert kind == "opus"
    assert low - 1e-3 <= float(level) <= high + 1e-3
