"""The log mel energies that torchaudio's MelSpectrogram gives, as sslsv and 3D-Speaker train on them.

What differs from Kaldi's: frames are centred on the multiples of the shift, over the recording continued by its
reflection (201 frames in 2 s); the window is periodic; pre-emphasis runs over the whole recording; the mean of a frame
stays; triangles are drawn over hertz; and the energies of samples in [-1, 1] become log(x + `log_floor`).
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from speakerssl.constants import FULL_SCALE
from speakerssl.errors import InputError
from speakerssl.features.base import FrameFeatures
from speakerssl.features.frames import centred_view
from speakerssl.features.options import CentredMelOptions


@dataclass(frozen=True, kw_only=True)
class TorchaudioMelOptions(CentredMelOptions):
    """torchaudio's defaults but for 40 bins and the Hamming window, which are sslsv's.

    `preemphasis_coefficient` 0 turns pre-emphasis off. Windows are `hamming` or `hanning`; `high_freq` 0 is half the
    sampling rate. `log_floor` is added to the energies of samples in [-1, 1].
    """

    low_freq: float = 0.0
    window_type: Literal["hamming", "hanning"] = "hamming"
    log_floor: float = 1e-6

    def _check_values(self) -> None:
        super()._check_values()
        self._check_edges(self.low_freq)
        self._need("log_floor", self.log_floor > 0, "above 0")


class TorchaudioMel(FrameFeatures[TorchaudioMelOptions]):  # type: ignore[type-var]
    """Log mel energies of `waveforms [B, S]` or `[S]` in the int16 range: `[B, T, F]` or `[T, F]`, T = 1 + S // shift.

    Raises InputError for a wrong option or a recording that is shorter than half a frame.
    """

    options_type = TorchaudioMelOptions

    def _constants(self, dtype: torch.dtype) -> dict[str, Tensor]:
        options = self.options
        make = torch.hamming_window if options.window_type == "hamming" else torch.hann_window
        window = make(options.window_size, periodic=True, dtype=dtype)
        return {"window": window, "banks": hertz_banks(options)}

    def _samples(self, waveforms: Tensor) -> Tensor:
        reach = self.options.window_size // 2
        if waveforms.shape[-1] <= reach:
            raise InputError(f"a recording of {waveforms.shape[-1]} samples is shorter than {reach + 1}; leave it out")
        return preemphasize(super()._samples(waveforms) / FULL_SCALE, self.options.preemphasis_coefficient)

    def _frames(self, samples: Tensor) -> Tensor:
        return centred_view(samples, self.options, "reflect")

    def _block(self, frames: Tensor) -> Tensor:
        if self.options.remove_dc_offset:
            frames = frames - frames.mean(-1, keepdim=True)
        return self._mel_energies(frames * self.window).add(self.options.log_floor).log()


def preemphasize(samples: Tensor, coefficient: float) -> Tensor:
    """`x[i] - coefficient x[i - 1]` over whole recordings `[B, S]`; before the first sample lies the second."""
    if coefficient == 0:
        return samples
    before = torch.cat([samples[:, 1:2], samples[:, :-1]], dim=1)
    return samples - coefficient * before


def hertz_banks(options: TorchaudioMelOptions) -> Tensor:
    """Weights `[fft_size / 2 + 1, num_mel_bins]` of triangles over hertz whose corners are equally spaced in mel.

    The mel scale is HTK's, 2595 log10(1 + f / 700); the triangles have height 1. In float64, returned as float32.
    """
    low, high = (2595.0 * math.log10(1.0 + edge / 700.0) for edge in (options.low_freq, options.high_edge))
    mel = torch.linspace(low, high, options.num_mel_bins + 2, dtype=torch.float64)
    corners = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    bins = torch.linspace(0, options.sample_frequency / 2, options.fft_size // 2 + 1, dtype=torch.float64)[:, None]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp(min=0.0).float()
