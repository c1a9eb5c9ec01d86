"""Limited bands: the telephone's 300 to 3400 Hz, and microphones that lose the bass or the treble."""

import numpy as np
from scipy.fft import irfft, rfft

from speakerssl.augment.levels import draw_log_range, draw_range, match_power
from speakerssl.augment.spectral import bin_frequencies, fft_size, filter_by_curve
from speakerssl.constants import FULL_SCALE

Range = tuple[float, float]


class Telephone:
    """A narrow-band line: `aug(wave [S], rng) -> [S]`, 8 kHz inside, at the same power.

    Args:
        low: range of the lower band edge in Hz.
        high: range of the upper band edge in Hz.
        mu_law: chance of 8-bit mu-law (G.711) on the line.
    """

    def __init__(self, low: Range = (200.0, 350.0), high: Range = (3200.0, 3700.0), mu_law: float = 0.5) -> None:
        self.low, self.high, self.mu_law = low, high, mu_law

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        size = fft_size(len(wave) + 400)
        spectrum = rfft(wave, size)
        spectrum *= band_pass(bin_frequencies(size), draw_range(rng, self.low), draw_range(rng, self.high))
        half = size // 4 + 1  # bins up to 4 kHz
        if rng.random() < self.mu_law:
            line = irfft(spectrum[:half], size // 2)  # 8 kHz, at half the amplitude scale of this transform
            spectrum[:half] = rfft(mu_law_round_trip(line, peak_scaled=True), size // 2)
        spectrum[half:] = 0.0
        return match_power(irfft(spectrum, size)[: len(wave)], wave)


class BandLimit:
    """A random low-pass or high-pass: `aug(wave [S], rng) -> [S]` at the same power.

    Args:
        low_pass: range of the cut-off in Hz.
        high_pass: range of the cut-off in Hz.
    """

    def __init__(self, low_pass: Range = (2500.0, 7500.0), high_pass: Range = (60.0, 500.0)) -> None:
        self.low_pass, self.high_pass = low_pass, high_pass

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        order = int(rng.integers(2, 9))  # 12 to 48 dB an octave
        if rng.random() < 0.5:
            corner = draw_log_range(rng, self.low_pass)
            return match_power(filter_by_curve(wave, lambda hz: butterworth(hz / corner, order)), wave)
        corner = draw_log_range(rng, self.high_pass)
        return match_power(filter_by_curve(wave, lambda hz: butterworth(corner / np.maximum(hz, 1.0), order)), wave)


def butterworth(ratio: np.ndarray, order: int) -> np.ndarray:
    """Butterworth's magnitude at frequency over corner: 1 / sqrt(1 + ratio^(2 order))."""
    # Floored at -120 dB: powers of large ratios overflow float32.
    return 1.0 / np.sqrt(1.0 + np.minimum(ratio, 1e3) ** np.float32(min(2 * order, 12)))


def band_pass(hz: np.ndarray, low: float, high: float) -> np.ndarray:
    """1 between the edges, raised-cosine flanks of 100 Hz below and 200 Hz above, 0 outside."""
    rising = np.clip((hz - np.float32(low - 100.0)) / np.float32(100.0), 0.0, 1.0)
    falling = np.clip((np.float32(high + 200.0) - hz) / np.float32(200.0), 0.0, 1.0)
    ramp = np.minimum(rising, falling)
    return ramp * ramp * (3.0 - 2.0 * ramp)


def mu_law_round_trip(wave: np.ndarray, peak_scaled: bool = False) -> np.ndarray:
    """8-bit mu-law (G.711, mu = 255) and back, of float32 [S] in the int16 range.

    With `peak_scaled` the line is driven so that the loudest sample is half of full scale.
    """
    peak = float(np.abs(wave).max(initial=0.0))
    if peak <= 0.0:
        return wave
    scale = np.float32(2.0 * peak if peak_scaled else FULL_SCALE)
    level = np.log1p(np.float32(255.0) * np.minimum(np.abs(wave) / scale, 1.0)) * np.float32(127.0 / np.log(256.0))
    value = np.expm1(np.rint(level) * np.float32(np.log(256.0) / 127.0)) * (scale / np.float32(255.0))
    return np.copysign(value, wave)
