"""Reverberation: convolution with a room's response, the direct path kept in its place."""

from typing import Protocol

import numpy as np
from scipy.fft import irfft, rfft

from speakerssl.augment.levels import draw_range, match_power
from speakerssl.augment.rir import Rir
from speakerssl.augment.spectral import fft_size


class RirSource(Protocol):
    """A folder of responses or a bank of simulated rooms."""

    def draw(self, rng: np.random.Generator) -> Rir:
        """One response."""


class Reverb:
    """Puts a wave into a random room: `aug(wave [S], rng) -> [S]` of the same power, in step with the input.

    Args:
        source: draws responses.
        early_only: chance that only the first 50 ms are used, as a close microphone in that room hears it.
        keep_power: scale the result to the power of the input; otherwise the response alone decides its level.
    """

    def __init__(self, source: RirSource, early_only: float = 0.0, keep_power: bool = True) -> None:
        self.source, self.early_only, self.keep_power = source, early_only, keep_power

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rir = self.source.draw(rng)
        if self.early_only and rng.random() < self.early_only:
            rir = Rir(rir.samples[: rir.direct + int(draw_range(rng, (0.02, 0.05)) * 16000)], rir.direct)
        return reverberate(wave, rir, self.keep_power)


def reverberate(wave: np.ndarray, rir: Rir, keep_power: bool = True) -> np.ndarray:
    """`wave` [S] convolved with `rir`, cut to [S] such that the direct path is not delayed, at the power of `wave`.

    Without `keep_power` the level is what the response makes of it.
    """
    size = fft_size(len(wave) + len(rir.samples) - 1)
    spectrum = rfft(wave, size)
    spectrum *= rfft(rir.samples, size)
    wet = irfft(spectrum, size)[rir.direct : rir.direct + len(wave)]
    return match_power(wet, wave) if keep_power else wet.astype(np.float32, copy=False)
