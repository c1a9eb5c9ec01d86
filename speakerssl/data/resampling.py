"""Changing the sampling rate of a waveform."""

from functools import lru_cache
from math import gcd

import numpy as np


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """[S] float32 at `rate` Hz to [ceil(S * new_rate / rate)] at `new_rate` Hz: polyphase, no delay.

    The pass band ends at 0.94 of the lower Nyquist frequency; images and aliases are 80 dB down (Kaiser).
    """
    from scipy.signal import resample_poly

    divisor = gcd(rate, new_rate)
    up, down = new_rate // divisor, rate // divisor
    window = _resampling_filter(max(up, down))
    return resample_poly(samples, up, down, window=window).astype(np.float32, copy=False)


@lru_cache(maxsize=8)
def _resampling_filter(ratio: int) -> np.ndarray:
    from scipy.signal import firwin

    half_width = 80 * ratio  # 80 zero crossings a side: a transition band of 0.06 of Nyquist at 80 dB
    return firwin(2 * half_width + 1, 0.97 / ratio, window=("kaiser", 8.0)).astype(np.float32)
