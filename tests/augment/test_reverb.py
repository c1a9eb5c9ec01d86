"""Reverberation keeps length, power and the place of the direct path."""

import numpy as np
import pytest

from speakerssl.augment.levels import power
from speakerssl.augment.reverb import Reverb, reverberate
from speakerssl.augment.rir import Rir, exponential_rir, make_rir
from speakerssl.augment.rooms import RoomBank


def lag(first: np.ndarray, second: np.ndarray) -> int:
    """By how many samples `second` comes later."""
    size = 2 * len(first)
    correlation = np.fft.irfft(np.fft.rfft(second, size) * np.fft.rfft(first, size).conj(), size)
    best = int(np.argmax(correlation))
    return best if best < size // 2 else best - size


@pytest.mark.parametrize("samples", [500, 31999, 32000])
def test_equals_direct_convolution(samples: int, rng: np.random.Generator) -> None:
    wave = rng.standard_normal(samples).astype(np.float32)
    rir = exponential_rir(rng)
    wet = np.convolve(wave.astype(float), rir.samples)[rir.direct : rir.direct + samples]
    expected = wet * np.sqrt(np.mean(wave**2) / np.mean(wet**2))
    np.testing.assert_allclose(reverberate(wave, rir), expected, atol=2e-4)


def test_the_direct_path_stays_in_place(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(32000).astype(np.float32)
    for delay in (0, 17, 900):
        samples = np.zeros(3000)
        samples[delay], samples[delay + 1200] = 1.0, 0.6
        assert lag(noise, reverberate(noise, make_rir(samples))) == 0


def test_simulated_rooms_do_not_delay(rng: np.random.Generator) -> None:
    pytest.importorskip("pyroomacoustics")
    noise = rng.standard_normal(32000).astype(np.float32)
    lags = [lag(noise, reverberate(noise, rir)) for rir in RoomBank.simulate(12, 3).rirs]
    # Far from the microphone one strong reflection may win the correlation; most rooms show the direct path.
    assert np.median(np.abs(lags)) <= 1


def test_length_and_power(wave: np.ndarray, rng: np.random.Generator) -> None:
    class Source:
        def draw(self, rng: np.random.Generator) -> Rir:
            return exponential_rir(rng)

    for early in (0.0, 1.0):
        wet = Reverb(Source(), early)(wave, rng)
        assert wet.shape == wave.shape
        assert wet.dtype == np.float32
        assert power(wet) == pytest.approx(power(wave), rel=1e-3)


def test_a_unit_response_changes_nothing(wave: np.ndarray) -> None:
    np.testing.assert_allclose(reverberate(wave, make_rir(np.array([1.0]))), wave, atol=0.05)
