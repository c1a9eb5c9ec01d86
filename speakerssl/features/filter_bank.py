"""Log mel filter bank energies, equal to Kaldi's compute-fbank-feats."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from speakerssl.features.base import EPSILON, FrameFeatures
from speakerssl.features.options import FbankOptions, make_options


class Fbank(FrameFeatures[FbankOptions]):
    """FBank of `waveforms [B, S]` or `[S]` in the int16 range: `[B, T, F]` or `[T, F]`, natural logarithms.

    Options are given as `FbankOptions` or by name: `Fbank(num_mel_bins=40)`. Gradients flow to the waveforms.
    Raises InputError for a wrong option or a recording without a frame.
    """

    options_type = FbankOptions

    def _features(self, windowed: Tensor, energy: Tensor | None) -> Tensor:
        mel = self._mel_energies(windowed, self.options.use_power)
        if self.options.use_log_fbank:
            mel = mel.clamp_(min=EPSILON).log_()
        if energy is None:
            return mel
        pair = (mel, energy[:, None]) if self.options.htk_compat else (energy[:, None], mel)
        return torch.cat(pair, dim=-1)


def fbank(waveforms: Tensor, generator: torch.Generator | None = None, **options: Any) -> Tensor:
    """`Fbank(**options)(waveforms, generator)`, with the constants kept from call to call.

    Float64 waveforms are worked on in float64, all others in float32.
    """
    dtype = torch.float64 if waveforms.dtype == torch.float64 else torch.float32
    return _cached(make_options(FbankOptions, options), waveforms.device, dtype)(waveforms, generator)


@lru_cache(maxsize=16)
def _cached(options: FbankOptions, device: torch.device, dtype: torch.dtype) -> Fbank:
    # Under inference_mode the constants would be of no use to a later call that needs gradients.
    with torch.inference_mode(False):
        return Fbank(options).to(device, dtype)
