"""Perceptual linear prediction, equal to Kaldi's compute-plp-feats (Hermansky, 1990)."""

import numpy as np
import torch
from torch import Tensor

from speakerssl.features.base import EPSILON, FrameFeatures
from speakerssl.features.mel import centre_frequencies
from speakerssl.features.mfcc import lifter_weights
from speakerssl.features.options import PlpOptions


class Plp(FrameFeatures[PlpOptions]):
    """PLP of `waveforms [B, S]` or `[S]` in the int16 range: `[B, T, num_ceps]` or `[T, num_ceps]`.

    Column 0 is the log energy, or the log residual of the prediction without `use_energy`; `htk_compat` moves it
    to the end. On digital silence, where Kaldi gives NaN (0/0), the spectrum counts as flat: the cepstra are 0
    up to rounding. Raises InputError for a wrong option or a recording without a frame.
    """

    options_type = PlpOptions
    loudness: Tensor
    inverse_dft: Tensor
    lifter: Tensor

    def _constants(self, dtype: torch.dtype) -> dict[str, Tensor]:
        options = self.options
        return {
            **super()._constants(dtype),
            "loudness": _equal_loudness(centre_frequencies(options)),
            "inverse_dft": _inverse_dft(options.lpc_order + 1, options.num_mel_bins + 2),
            "lifter": options.cepstral_scale * lifter_weights(options.num_ceps, options.cepstral_lifter),
        }

    def _features(self, windowed: Tensor, energy: Tensor | None) -> Tensor:
        options = self.options
        mel = self._mel_energies(windowed) * self.loudness
        # Kaldi has no floor here; it acts on digital silence only and keeps values and gradients finite.
        mel = mel.clamp(min=EPSILON).pow(options.compress_factor)
        spectrum = torch.cat([mel[:, :1], mel, mel[:, -1:]], dim=-1)
        prediction, residual = levinson_durbin(spectrum @ self.inverse_dft)
        first = residual.log().clamp(min=EPSILON)
        cepstra = torch.cat([first[:, None], lpc_to_cepstrum(prediction)[:, : options.num_ceps - 1]], dim=-1)
        cepstra = cepstra * self.lifter
        first = cepstra[:, 0] if energy is None else energy
        columns = [first[:, None], cepstra[:, 1:]]
        return torch.cat(columns[::-1] if options.htk_compat else columns, dim=-1)


def levinson_durbin(autocorrelation: Tensor) -> tuple[Tensor, Tensor]:
    """Linear prediction coefficients `[N, P]` and residual energy `[N]` of `autocorrelation [N, P + 1]`."""
    residual = autocorrelation[:, 0]
    prediction = autocorrelation[:, :0]
    for order in range(1, autocorrelation.shape[1]):
        past = autocorrelation[:, 1:order].flip(-1)
        reflection = (autocorrelation[:, order] + (prediction * past).sum(-1)) / residual
        residual = residual * (1 - reflection.square()).clamp(min=1e-5)
        reflection = reflection[:, None]
        prediction = torch.cat([prediction - reflection * prediction.flip(-1), -reflection], dim=-1)
    return prediction, residual


def lpc_to_cepstrum(prediction: Tensor) -> Tensor:
    """Cepstra 1 to P `[N, P]` of the all-pole model with the coefficients `prediction [N, P]`."""
    order = prediction.shape[1]
    ramp = torch.arange(1, order + 1, dtype=prediction.dtype, device=prediction.device)
    cepstra = prediction[:, :0]
    for index in range(order):
        history = (ramp[:index] * cepstra * prediction[:, :index].flip(-1)).sum(-1)
        value = -prediction[:, index] - history / (index + 1)
        cepstra = torch.cat([cepstra, value[:, None]], dim=-1)
    return cepstra


def _equal_loudness(frequency: Tensor) -> Tensor:
    square = frequency.double().square()
    return (square / (square + 1.6e5)).square() * (square + 1.44e6) / (square + 9.61e6)


def _inverse_dft(num_bases: int, dimension: int) -> Tensor:
    """From a half spectrum of `dimension` points to its autocorrelation: float64 `[dimension, num_bases]`."""
    last = dimension - 1
    matrix = np.cos(np.pi / last * np.arange(dimension)[:, None] * np.arange(num_bases)) / last
    matrix[[0, last]] *= 0.5
    return torch.from_numpy(matrix)
