"""Filtering by a curve of magnitudes: no delay, any length, sizes that are fast."""

import numpy as np
import pytest

from speakerssl.augment.equalizer import _POINTS, Equalizer
from speakerssl.augment.spectral import bin_frequencies, fft_size, filter_by_curve, interpolate_db


def test_the_curve_is_what_is_applied(rng: np.random.Generator) -> None:
    levels = Equalizer().draw(rng)
    for hz in (200.0, 1000.0, 4500.0):
        tone = np.cos(2 * np.pi * hz * np.arange(32000) / 16000).astype(np.float32)
        out = filter_by_curve(tone, lambda f: interpolate_db(_POINTS, levels, f))
        expected = interpolate_db(_POINTS, levels, np.array([hz]))[0]
        middle = slice(4000, 28000)  # the ends feel the padding
        np.testing.assert_allclose(out[middle], expected * tone[middle], atol=0.03 * expected + 1e-3)


@pytest.mark.parametrize("samples", [1, 399, 16000, 16001, 33333])
def test_a_flat_curve_changes_nothing_at_any_length(samples: int, rng: np.random.Generator) -> None:
    wave = rng.standard_normal(samples).astype(np.float32)
    out = filter_by_curve(wave, np.ones_like)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, wave, atol=1e-5)


def test_sizes_hold_all_samples_and_are_few() -> None:
    sizes = {fft_size(samples) for samples in range(1, 40000, 7)}
    assert all(fft_size(samples) >= samples for samples in range(1, 40000, 37))
    assert len(sizes) <= 40000 / 2000 + 1


def test_bins_are_in_hertz_and_kept() -> None:
    frequencies = bin_frequencies(4000)
    np.testing.assert_allclose(frequencies, np.arange(2001) * 4.0)
    assert bin_frequencies(4000) is frequencies


def test_levels_between_points_lie_between_and_outside_stay() -> None:
    gains = interpolate_db(np.array([100.0, 1000.0]), np.array([0.0, 20.0]), np.array([50.0, 100.0, 550.0, 2000.0]))
    np.testing.assert_allclose(gains, [1.0, 1.0, 5.5, 10.0], rtol=1e-6)
