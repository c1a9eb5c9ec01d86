"""Bands: what lies outside is gone, what lies inside stays in its place."""

import numpy as np
import pytest

from speakerssl.augment.band import BandLimit, Telephone, butterworth, mu_law_round_trip
from speakerssl.augment.levels import power


def share(wave: np.ndarray, low: float, high: float) -> float:
    """Share of the energy between two frequencies."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / 16000)
    return float(spectrum[(hz >= low) & (hz < high)].sum() / spectrum.sum())


@pytest.mark.parametrize("mu_law", [0.0, 1.0])
def test_telephone_band(mu_law: float, rng: np.random.Generator) -> None:
    noise = 1000 * rng.standard_normal(32000).astype(np.float32)
    line = Telephone(mu_law=mu_law)(noise, rng)
    assert line.shape == noise.shape
    assert line.dtype == np.float32
    assert share(line, 4000, 8001) < 1e-6
    assert share(line, 0, 100) < 1e-3
    assert share(line, 300, 3400) > 0.85
    assert power(line) == pytest.approx(power(noise), rel=1e-3)


@pytest.mark.parametrize("mu_law", [0.0, 1.0])
def test_telephone_keeps_time(mu_law: float, rng: np.random.Generator) -> None:
    """A tone inside the band keeps its phase."""
    tone = (5000 * np.sin(2 * np.pi * 1000 * np.arange(32000) / 16000)).astype(np.float32)
    line = Telephone(mu_law=mu_law)(tone, rng)
    assert np.corrcoef(line[2000:-2000], tone[2000:-2000])[0, 1] > 0.998


def test_random_limits_cut_one_side(rng: np.random.Generator) -> None:
    noise = 1000 * rng.standard_normal(32000).astype(np.float32)
    low_passed = BandLimit(low_pass=(2500.0, 2500.0), high_pass=(400.0, 400.0))
    cut_high = cut_low = 0
    for _ in range(20):
        limited = low_passed(noise, rng)
        assert power(limited) == pytest.approx(power(noise), rel=1e-3)
        cut_high += share(limited, 6000, 8000) < 0.02
        cut_low += share(limited, 0, 150) < 0.002
    assert cut_high + cut_low == 20
    assert cut_high > 3
    assert cut_low > 3


def test_butterworth_is_3_db_down_at_the_corner_and_never_overflows() -> None:
    assert butterworth(np.array([1.0], np.float32), 4)[0] == pytest.approx(np.sqrt(0.5))
    assert np.isfinite(butterworth(np.array([0.0, 1e9], np.float32), 8)).all()


def test_mu_law_matches_its_definition() -> None:
    """8 bits: 255 levels, an error that grows with the level."""
    ramp = np.linspace(-32767, 32767, 100001, dtype=np.float32)
    coded = mu_law_round_trip(ramp)
    assert len(np.unique(coded)) == 255
    assert np.abs(coded - ramp).max() < 32768 * 0.023
    assert np.abs(coded - ramp)[np.abs(ramp) < 100].max() < 8.0
    np.testing.assert_allclose(mu_law_round_trip(coded), coded, rtol=1e-4, atol=1e-3)
    silence = np.zeros(5, dtype=np.float32)
    np.testing.assert_array_equal(mu_law_round_trip(silence, peak_scaled=True), silence)
