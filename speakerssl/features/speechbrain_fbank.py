"""The filter bank energies in decibels that speechbrain's `Fbank` gives, as its speaker encoders are trained on.

What differs from Kaldi's: frames are centred on the multiples of the shift, zeros lie beyond a recording's ends, the
window is a periodic Hamming one, the transform has as many points as the window; a triangle is as wide to its right as
to its left; energies of samples in [-1, 1] become decibels, none further than `top_db` below the recording's highest.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from speakerssl.constants import FULL_SCALE
from speakerssl.features.base import FrameFeatures, Whole
from speakerssl.features.frames import centred_view
from speakerssl.features.options import CentredMelOptions

LOWEST = 1e-10  # energy below which decibels no longer fall


@dataclass(frozen=True, kw_only=True)
class SpeechbrainFbankOptions(CentredMelOptions):
    """speechbrain's options; its recipes use 80 bins for ECAPA-TDNN and ResNet, 24 for x-vectors."""

    num_mel_bins: int = 80
    low_freq: float = 0.0
    window_type: str = "hamming"
    round_to_power_of_two: bool = False
    top_db: float = 80.0

    def _check_values(self) -> None:
        super()._check_values()
        self._check_edges(self.low_freq)
        self._need("top_db", self.top_db > 0, "above 0")


class SpeechbrainFbank(FrameFeatures[SpeechbrainFbankOptions]):  # type: ignore[type-var]
    """Decibels of `waveforms [B, S]` or `[S]` in the int16 range: `[B, T, F]` or `[T, F]`, T = 1 + S // shift."""

    options_type = SpeechbrainFbankOptions

    def forward(self, waveforms: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """As of all features; here a recording's loudest bin counts in all its frames."""
        decibels = super().forward(waveforms, generator)
        return torch.maximum(decibels, decibels.amax(dim=(-2, -1), keepdim=True) - self.options.top_db)

    def local(self, waveforms: Tensor) -> Tensor:
        return super().forward(waveforms)

    def of_whole(self, frames: Tensor, whole: Whole) -> Tensor:
        return frames.clamp(min=whole.peak - self.options.top_db)

    def _constants(self, dtype: torch.dtype) -> dict[str, Tensor]:
        window = torch.hamming_window(self.options.window_size, periodic=True, dtype=dtype)
        return {"window": window, "banks": even_banks(self.options)}

    def _samples(self, waveforms: Tensor) -> Tensor:
        return super()._samples(waveforms) / FULL_SCALE

    def _frames(self, samples: Tensor) -> Tensor:
        return centred_view(samples, self.options)

    def _block(self, frames: Tensor) -> Tensor:
        return 10.0 * self._mel_energies(frames * self.window).clamp(min=LOWEST).log10()


def even_banks(options: SpeechbrainFbankOptions) -> Tensor:
    """Weights `[fft_size / 2 + 1, num_mel_bins]` of triangles over hertz, of height 1 and as wide on both sides.

    Centres are equally spaced on HTK's mel scale; the width is the distance to the centre below. In float32, as there.
    """
    low, high = (2595 * torch.log10(torch.tensor(1 + edge / 700)) for edge in (options.low_freq, options.high_edge))
    mel = torch.linspace(float(low), float(high), options.num_mel_bins + 2)
    corners = 700 * (10 ** (mel / 2595) - 1)
    bins = torch.linspace(0, options.sample_frequency / 2, options.fft_size // 2 + 1)[:, None]
    slope = (bins - corners[1:-1]) / (corners[1:-1] - corners[:-2])
    return torch.minimum(slope + 1.0, 1.0 - slope).clamp(min=0.0)
