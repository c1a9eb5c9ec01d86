"""Mel-frequency cepstral coefficients, equal to Kaldi's compute-mfcc-feats (Davis and Mermelstein, 1980)."""

import math

import numpy as np
import torch
from torch import Tensor

from speakerssl.features.base import EPSILON, FrameFeatures
from speakerssl.features.options import MfccOptions


class Mfcc(FrameFeatures[MfccOptions]):
    """MFCC of `waveforms [B, S]` or `[S]` in the int16 range: `[B, T, num_ceps]` or `[T, num_ceps]`.

    Column 0 is the log energy, or C0 without `use_energy`; `htk_compat` moves it to the end (and scales C0 by
    the square root of two). Raises InputError for a wrong option or a recording without a frame.
    """

    options_type = MfccOptions
    cosines: Tensor

    def _constants(self, dtype: torch.dtype) -> dict[str, Tensor]:
        cosines = dct_matrix(self.options.num_ceps, self.options.num_mel_bins)
        lifter = lifter_weights(self.options.num_ceps, self.options.cepstral_lifter)
        return {**super()._constants(dtype), "cosines": cosines * lifter}

    def _features(self, windowed: Tensor, energy: Tensor | None) -> Tensor:
        mel = self._mel_energies(windowed).clamp_(min=EPSILON).log_()
        cepstra = mel @ self.cosines
        first = cepstra[:, 0] if energy is None else energy
        if not self.options.htk_compat:
            return torch.cat([first[:, None], cepstra[:, 1:]], dim=-1)
        if energy is None:
            first = first * math.sqrt(2.0)
        return torch.cat([cepstra[:, 1:], first[:, None]], dim=-1)


def dct_matrix(num_ceps: int, num_mel_bins: int) -> Tensor:
    """The orthonormal cosine transform (type II), float64 `[num_mel_bins, num_ceps]`."""
    angle = np.pi / num_mel_bins * (np.arange(num_mel_bins)[:, None] + 0.5) * np.arange(num_ceps)
    matrix = math.sqrt(2.0 / num_mel_bins) * np.cos(angle)
    matrix[:, 0] = math.sqrt(1.0 / num_mel_bins)
    return torch.from_numpy(matrix)


def lifter_weights(num_ceps: int, lifter: float) -> Tensor:
    """Weights 1 + L/2 sin(pi i / L) of the cepstra, float64 `[num_ceps]`; ones for a lifter of 0."""
    if lifter == 0:
        return torch.ones(num_ceps, dtype=torch.float64)
    return 1 + 0.5 * lifter * torch.sin(torch.pi * torch.arange(num_ceps, dtype=torch.float64) / lifter)
