"""Filtering by a magnitude curve in one pair of FFTs: no phase, no delay, the length stays.

The curves are smooth, so their impulse responses are short against a crop and the wrap-around of the circular
convolution stays within a few milliseconds of padding.
"""

from collections.abc import Callable

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from speakerssl.constants import SAMPLE_RATE

_PADDING = 400  # 25 ms: what a smooth zero-phase response reaches


def filter_by_curve(wave: np.ndarray, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`wave` [S] filtered by gains `curve(frequencies [F] in Hz) -> [F]`, linear amplitude; float32 [S]."""
    size = fft_size(len(wave) + _PADDING)
    spectrum = rfft(wave, size)
    spectrum *= curve(bin_frequencies(size))
    return irfft(spectrum, size)[: len(wave)]


def fft_size(samples: int) -> int:
    """A size of at least `samples` that FFTs are fast at, of few enough values for plans to be reused."""
    step = 2000
    return int(next_fast_len(-(-samples // step) * step, real=True))


_frequencies: dict[int, np.ndarray] = {}


def bin_frequencies(size: int) -> np.ndarray:
    """Frequencies in Hz of the bins of a real FFT of `size`: float32 [size // 2 + 1]; kept, do not write into it."""
    if size not in _frequencies:
        if len(_frequencies) > 64:
            _frequencies.clear()
        _frequencies[size] = np.fft.rfftfreq(size, 1.0 / SAMPLE_RATE).astype(np.float32)
    return _frequencies[size]


def interpolate_db(points: np.ndarray, levels_db: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Linear gains at `frequencies` [F] of a curve given in dB at ascending `points` [P] (Hz)."""
    gains = np.interp(frequencies, points, 10.0 ** (levels_db / 20.0))
    return gains.astype(np.float32)
