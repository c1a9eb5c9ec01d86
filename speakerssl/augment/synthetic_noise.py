"""Noise where no corpus is at hand: coloured, humming, speech-shaped and fluctuating, clicking.

Drawn in the frequency domain, fresh every time: half as many normal variates as samples and one inverse FFT.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.fft import irfft

from speakerssl.augment.levels import draw_log_range, draw_range
from speakerssl.augment.spectral import bin_frequencies, fft_size
from speakerssl.constants import SAMPLE_RATE
from speakerssl.errors import unknown_name


class SyntheticNoise:
    """Draws noise of a random kind: `draw(rng, samples) -> float32 [samples]`, of no particular level.

    Args:
        kinds: which of `KINDS`; None for all.
    """

    def __init__(self, kinds: Sequence[str] | None = None) -> None:
        self.kinds = tuple(KINDS if kinds is None else kinds)
        for kind in self.kinds:
            if kind not in KINDS:
                raise unknown_name("kind of synthetic noise", kind, KINDS)

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """float32 [samples]."""
        return KINDS[self.kinds[int(rng.integers(len(self.kinds)))]](rng, samples)


def white(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Equal power in every hertz."""
    return rng.standard_normal(samples, dtype=np.float32)


def pink(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Power falls as 1/f: 3 dB an octave."""
    return _shaped(rng, samples, lambda hz: np.sqrt(20.0 / np.maximum(hz, 20.0)))


def brown(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Power falls as 1/f^2: 6 dB an octave, a rumble."""
    return _shaped(rng, samples, lambda hz: 20.0 / np.maximum(hz, 20.0))


def hum(rng: np.random.Generator, samples: int) -> np.ndarray:
    """A mains or machine tone of 45 to 450 Hz with up to 30 falling harmonics over a faint pink floor."""
    fundamental = draw_log_range(rng, (45.0, 450.0))
    harmonics = np.arange(1, min(30, int(7800.0 / fundamental)) + 1)
    levels = harmonics ** -draw_range(rng, (0.4, 1.5)) * rng.uniform(0.3, 1.0, len(harmonics))
    phases = rng.uniform(0.0, 2.0 * np.pi, len(harmonics))
    # One period on a fine grid, read at the running phase: the cost does not grow with the harmonics.
    grid = np.arange(2048) * (2.0 * np.pi / 2048)
    period = (levels[:, None] * np.sin(harmonics[:, None] * grid + phases[:, None])).sum(axis=0)
    steps = np.arange(samples) * (fundamental / SAMPLE_RATE * 2048)
    tone = period.astype(np.float32)[steps.astype(np.int64) & 2047]
    floor = pink(rng, samples)
    return tone + np.float32(0.05 * _rms(tone) / _rms(floor)) * floor


def modulated(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Speech-shaped noise whose level fluctuates at 1 to 8 Hz, as a talking crowd's does."""
    corner = draw_log_range(rng, (300.0, 900.0))
    noise = _shaped(rng, samples, lambda hz: 1.0 / (1.0 + (hz / np.float32(corner)) ** 2))
    points = max(2, int(samples / SAMPLE_RATE * 2.0 * draw_range(rng, (1.0, 8.0))) + 2)
    level_db = rng.uniform(-draw_range(rng, (3.0, 20.0)), 0.0, points)
    envelope = np.interp(np.linspace(0.0, points - 1.0, samples), np.arange(points), 10.0 ** (level_db / 20.0))
    return noise * envelope.astype(np.float32)


def clicks(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Sparse decaying bursts, 2 to 20 a second, each 2 to 40 ms: knocks, keys, dishes."""
    wave = np.zeros(samples, dtype=np.float32)
    rate = draw_log_range(rng, (2.0, 20.0))
    for start in rng.integers(0, samples, 1 + rng.poisson(rate * samples / SAMPLE_RATE)):
        length = min(int(draw_log_range(rng, (0.002, 0.04)) * SAMPLE_RATE), samples - int(start))
        burst = rng.standard_normal(length, dtype=np.float32) * np.float32(draw_log_range(rng, (0.1, 1.0)))
        wave[start : start + length] += burst * np.exp(np.linspace(0.0, -6.0, length, dtype=np.float32))
    return wave


KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "white": white,
    "pink": pink,
    "brown": brown,
    "hum": hum,
    "modulated": modulated,
    "clicks": clicks,
}


def _shaped(rng: np.random.Generator, samples: int, amplitude: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    size = fft_size(samples)
    bins = size // 2 + 1
    spectrum = rng.standard_normal(2 * bins, dtype=np.float32).view(np.complex64)
    spectrum *= amplitude(bin_frequencies(size)).astype(np.float32)
    spectrum[0] = 0.0
    noise = irfft(spectrum, size)[:samples]
    return noise / np.float32(_rms(noise))


def _rms(wave: np.ndarray) -> float:
    return max(1e-12, float(np.sqrt(np.mean(wave * wave))))
