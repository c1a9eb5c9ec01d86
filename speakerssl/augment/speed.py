"""Speed perturbation (Ko et al., 2015): resampling, so that pitch and formants move with the tempo.

Another speed is another voice, so all views of a recording are played at one, unless `per_view` is asked for.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

from speakerssl.data.crops import wrap_pad
from speakerssl.errors import InputError


class Speed:
    """Plays a wave at a random factor: `aug(wave [S], rng) -> [S]`.

    A faster wave is shorter and is repeated from its beginning, a slower one is cut at a random place.

    Args:
        factors: each equally likely; 1.1 is faster and higher.
        per_view: draw a factor for every view; otherwise once for all views of a recording (see `for_recording`).
    """

    def __init__(self, factors: Sequence[float] = (0.9, 1.0, 1.1), per_view: bool = False) -> None:
        if not factors or not all(0.5 <= factor <= 2.0 for factor in factors):
            raise InputError(f"speed.factors: {list(factors)} must be numbers from 0.5 to 2")
        self.factors, self.per_view = tuple(factors), per_view

    def for_recording(self, rng: np.random.Generator) -> "Speed":
        """The speed of one recording: itself where every view draws its own, else a speed of one drawn factor."""
        return self if self.per_view else Speed([self.factors[int(rng.integers(len(self.factors)))]])

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        changed = change_speed(wave, self.factors[int(rng.integers(len(self.factors)))])
        spare = len(changed) - len(wave)
        if spare <= 0:
            return wrap_pad(changed, len(wave))
        start = int(rng.integers(spare + 1))
        return changed[start : start + len(wave)]


def change_speed(wave: np.ndarray, factor: float) -> np.ndarray:
    """`wave` [S] played `factor` times as fast: float32 [ceil(S / factor)]."""
    ratio = Fraction(factor).limit_denominator(100)
    if ratio == 1:
        return wave
    return resample_poly(wave, ratio.denominator, ratio.numerator).astype(np.float32, copy=False)
