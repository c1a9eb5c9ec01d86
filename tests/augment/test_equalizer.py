"""The equalizer applies the curve it draws, without delay."""

import numpy as np
import pytest

from speakerssl.augment.equalizer import Equalizer
from speakerssl.augment.levels import power


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
