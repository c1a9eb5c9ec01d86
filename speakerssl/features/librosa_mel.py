"""The mel energies that librosa gives by default, without a logarithm, as Resemblyzer's network was trained on.

What differs from torchaudio's: beyond a recording's ends lie zeros, and triangles are drawn over Slaney's mel scale and
divided by their width. Energies are of samples in [-1, 1] and stay as they are, so that loudness matters: quiet
recordings can be raised first.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from speakerssl.constants import FULL_SCALE
from speakerssl.features.base import FrameFeatures, Whole
from speakerssl.features.frames import centred_view
from speakerssl.features.options import CentredMelOptions

LINEAR_HERTZ = 200.0 / 3.0  # per mel, below the break
BREAK_HERTZ, BREAK_MEL = 1000.0, 15.0
LOG_STEP = math.log(6.4) / 27.0  # per mel, above it


@dataclass(frozen=True, kw_only=True)
class LibrosaMelOptions(CentredMelOptions):
    """librosa's `feature.melspectrogram` with the values that Resemblyzer gives it; the window is periodic Hann.

    `raise_to_dbfs` amplifies recordings that are quieter than this level (RMS against full scale, dB; 0: never).
    `extra_frames` at the end are centred beyond the recording: a network that cuts its own windows needs one, since
    half of its window may lie in the recording.
    """

    window_type: str = "hanning"
    round_to_power_of_two: bool = False
    raise_to_dbfs: float = 0.0
    extra_frames: int = 0

    def _check_values(self) -> None:
        super()._check_values()
        self._need("high_freq", 0 <= self.high_freq <= 0.5 * self.sample_frequency, "at most half the sampling rate")
        self._need("raise_to_dbfs", self.raise_to_dbfs <= 0, "0 or less")
        self._need("extra_frames", self.extra_frames >= 0, "0 or more")


class LibrosaMel(FrameFeatures[LibrosaMelOptions]):  # type: ignore[type-var]
    """Mel energies of `waveforms [B, S]` or `[S]` in the int16 range: `[B, T, F]` or `[T, F]`, T = 1 + S // shift."""

    options_type = LibrosaMelOptions

    def local(self, waveforms: Tensor) -> Tensor:
        return super().local(waveforms) / self._gain(rms_of(waveforms / FULL_SCALE)).square()[..., None]

    def of_whole(self, frames: Tensor, whole: Whole) -> Tensor:
        return frames * self._gain(frames.new_tensor(whole.rms / FULL_SCALE)).square()

    def _constants(self, dtype: torch.dtype) -> dict[str, Tensor]:
        window = torch.hann_window(self.options.window_size, periodic=True, dtype=dtype)
        return {"window": window, "banks": slaney_banks(self.options)}

    def _samples(self, waveforms: Tensor) -> Tensor:
        samples = super()._samples(waveforms) / FULL_SCALE
        return samples * self._gain(rms_of(samples)) if self.options.raise_to_dbfs else samples

    def _gain(self, rms: Tensor) -> Tensor:
        """By how much a recording is raised, by the RMS of its samples in [-1, 1]."""
        if not self.options.raise_to_dbfs:
            return torch.ones_like(rms)
        level = 10 ** (self.options.raise_to_dbfs / 20)
        return (level / rms.clamp(min=1e-12)).clamp(min=1.0).where(rms > 0, torch.ones_like(rms))

    def _frames(self, samples: Tensor) -> Tensor:
        return centred_view(samples, self.options)

    def _block(self, frames: Tensor) -> Tensor:
        return self._mel_energies(frames * self.window)


def rms_of(samples: Tensor) -> Tensor:
    """The root of the mean square of `[..., S]`: `[..., 1]`."""
    return samples.square().mean(dim=-1, keepdim=True).sqrt()


def slaney_banks(options: LibrosaMelOptions) -> Tensor:
    """Weights `[fft_size / 2 + 1, num_mel_bins]`: triangles of area 1 whose corners are equally spaced in Slaney's mel.

    That scale is linear below 1000 Hz and logarithmic above (Slaney's Auditory Toolbox 1998). Float32.
    """
    top = _to_mel(options.high_edge)
    mel = torch.linspace(0.0, top, options.num_mel_bins + 2, dtype=torch.float64)
    above = BREAK_HERTZ * torch.exp(LOG_STEP * (mel - BREAK_MEL))
    corners = torch.where(mel < BREAK_MEL, LINEAR_HERTZ * mel, above)
    bins = torch.linspace(0, options.sample_frequency / 2, options.fft_size // 2 + 1, dtype=torch.float64)[:, None]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    height = 2.0 / (corners[2:] - corners[:-2])
    return (torch.minimum(rising, falling).clamp(min=0.0) * height).float()


def _to_mel(hertz: float) -> float:
    return hertz / LINEAR_HERTZ if hertz < BREAK_HERTZ else BREAK_MEL + math.log(hertz / BREAK_HERTZ) / LOG_STEP
