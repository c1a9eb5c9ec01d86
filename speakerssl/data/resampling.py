"""Changing the sampling rate of a waveform."""

from fractions import Fraction
from functools import lru_cache

import numpy as np

from speakerssl.errors import InputError


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """[S] float32 at `rate` Hz to [ceil(S * new_rate / rate)] at `new_rate` Hz: polyphase, no delay.

    The pass band ends at 0.94 of the lower Nyquist frequency; images and aliases are 80 dB down (Kaiser). Odd rates
    that share no divisor with `new_rate` would need a filter of gigabytes: above 65536 the ratio is approximated,
    to less than a sample in an hour. Raises InputError for a rate that is no whole number above 0.
    """
    from scipy.signal import resample_poly

    if not all(value > 0 and value == value // 1 for value in (rate, new_rate)):
        raise InputError(f"sampling rates are whole numbers above 0, not {rate} and {new_rate}")
    ratio = Fraction(int(new_rate), int(rate))
    if max(ratio.numerator, ratio.denominator) > _MOST:
        ratio = ratio.limit_denominator(max(1, int(_MOST / max(1.0, float(ratio)))))
    up, down = ratio.numerator, ratio.denominator
    window = _resampling_filter(max(up, down))
    return resample_poly(samples, up, down, window=window).astype(np.float32, copy=False)


_MOST = 1 << 16


@lru_cache(maxsize=8)
def _resampling_filter(ratio: int) -> np.ndarray:
    from scipy.signal import firwin

    half_width = 80 * ratio  # 80 zero crossings a side: a transition band of 0.06 of Nyquist at 80 dB
    return firwin(2 * half_width + 1, 0.97 / ratio, window=("kaiser", 8.0)).astype(np.float32)
