"""The equalizer applies the curve it draws, without delay."""

import numpy as np
import pytest

from speakerssl.augment.equalizer import _POINTS, Equalizer
from speakerssl.augment.levels import power
from speakerssl.augment.spectral import filter_by_curve, interpolate_db


def test_the_curve_is_what_is_applied(rng: np.random.Generator) -> None:
    levels = Equalizer().draw(rng)
    for hz in (200.0, 1000.0, 4500.0):
        tone = np.cos(2 * np.pi * hz * np.arange(32000) / 16000).astype(np.float32)
        out = filter_by_curve(tone, lambda f: interpolate_db(_POINTS, levels, f))
        expected = interpolate_db(_POINTS, levels, np.array([hz]))[0]
        middle = slice(4000, 28000)  # the ends feel the padding
        np.testing.assert_allclose(out[middle], expected * tone[middle], atol=0.03 * expected + 1e-3)


def test_power_length_and_seed(wave: np.ndarray) -> None:
    first, second = (Equalizer()(wave, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == wave.shape
    assert first.dtype == np.float32
    assert power(first) == pytest.approx(power(wave), rel=1e-3)
    assert not np.allclose(first, wave, rtol=0.1)


def test_curves_are_bounded_and_differ(rng: np.random.Generator) -> None:
    curves = np.array([Equalizer().draw(rng) for _ in range(200)])
    assert curves.min() >= -40.0
    assert curves.max() <= 20.0
    assert curves.std(axis=0).min() > 1.0


def test_no_gain_is_flat(rng: np.random.Generator) -> None:
    assert not Equalizer(0.0, 0.0).draw(rng).any()
