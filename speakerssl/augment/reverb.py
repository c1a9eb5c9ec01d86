"""Reverberation: convolution with a room's response, the direct path kept in its place."""

from typing import Protocol

import numpy as np
from scipy.fft import irfft, rfft

from speakerssl.augment.convolution import Convolution, convolve_all
from speakerssl.augment.levels import draw_range, match_power
from speakerssl.augment.rir import Rir
from speakerssl.augment.shared_arrays import SharedArrays
from speakerssl.augment.spectral import fft_size
from speakerssl.constants import SAMPLE_RATE

SPECTRA_MB = 256.0  # spectra of some thousand responses at one length of crops


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
        memory_mb: bound of the responses' spectra, which all workers share.
    """

    def __init__(
        self, source: RirSource, early_only: float = 0.0, keep_power: bool = True, memory_mb: float = SPECTRA_MB
    ) -> None:
        self.source, self.early_only, self.keep_power = source, early_only, keep_power
        self._spectra = SharedArrays(np.complex64, memory_mb)

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return convolve_all([self.request(wave, rng)])[0]

    def request(self, wave: np.ndarray, rng: np.random.Generator) -> Convolution:
        """The draw of a call alone: what is to be convolved with what."""
        rir = self.source.draw(rng)
        if self.early_only and rng.random() < self.early_only:
            rir = Rir(rir.samples[: rir.direct + int(draw_range(rng, (0.02, 0.05)) * SAMPLE_RATE)], rir.direct)
        return Convolution(wave, rir, self.keep_power, self._spectra)


def reverberate(wave: np.ndarray, rir: Rir, keep_power: bool = True) -> np.ndarray:
    """`wave` [S] convolved with `rir`, cut to [S] such that the direct path is not delayed, at the power of `wave`.

    Without `keep_power` the level is what the response makes of it. One wave by one pair of FFTs, for the held-out
    channels of evaluations, whose sizes stay what they were; training convolves batches (`convolution.py`).
    """
    size = fft_size(len(wave) + len(rir.samples) - 1)
    spectrum = rfft(wave, size)
    spectrum *= rfft(rir.samples, size)
    wet = irfft(spectrum, size)[rir.direct : rir.direct + len(wave)]
    return match_power(wet, wave) if keep_power else wet.astype(np.float32, copy=False)
