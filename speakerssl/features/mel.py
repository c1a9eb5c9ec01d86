"""Triangular mel filters with vocal tract length warping, as in Kaldi's MelBanks."""

import math

import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.features.options import MelOptions


def mel_scale(frequency: Tensor) -> Tensor:
    """Hz to mel: 1127 ln(1 + f / 700)."""
    return 1127.0 * (1.0 + frequency / 700.0).log()


def inverse_mel_scale(mel: Tensor) -> Tensor:
    """Mel to Hz."""
    return 700.0 * ((mel / 1127.0).exp() - 1.0)


def mel_banks(options: MelOptions) -> Tensor:
    """Weights of the filters, float32 `[num_mel_bins, fft_size / 2 + 1]`; the Nyquist bin has no weight.

    Triangles are equally spaced on the mel scale and reach from the centre of one neighbour to the other's. As in
    Kaldi all is computed in float32, whose rounding shows in narrow filters (2e-4 in their log energies).
    Raises InputError where a filter is too narrow to hold a bin of the Fourier transform.
    """
    left, centre, right = (edges[:, None] for edges in _mel_edges(options))
    width = options.sample_frequency / options.fft_size
    mel = mel_scale(width * torch.arange(options.fft_size // 2))
    weights = torch.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)).clamp(min=0.0)
    empty = torch.nonzero(~weights.any(dim=1))
    if len(empty):
        raise InputError(
            f"feature option num_mel_bins={options.num_mel_bins}: filter {int(empty[0])} lies between two "
            f"frequencies of a {options.fft_size}-point transform; use fewer bins or a longer frame_length"
        )
    return torch.nn.functional.pad(weights, (0, 1))


def centre_frequencies(options: MelOptions) -> Tensor:
    """The centres of the filters in Hz, float32 `[num_mel_bins]`."""
    return inverse_mel_scale(_mel_edges(options)[1])


def vtln_warp(frequency: Tensor, options: MelOptions) -> Tensor:
    """Warped frequencies in Hz: divided by `vtln_warp` between the two inflection points, fixed at both band edges."""
    low, high, scale = options.low_freq, options.high_edge, 1.0 / options.vtln_warp
    lower = options.vtln_low * max(1.0, options.vtln_warp)
    upper = options.vtln_high_edge * min(1.0, options.vtln_warp)
    left = low + (scale * lower - low) / (lower - low) * (frequency - low)
    right = high + (high - scale * upper) / (high - upper) * (frequency - high)
    warped = torch.where(frequency < lower, left, torch.where(frequency < upper, scale * frequency, right))
    return torch.where((frequency < low) | (frequency > high), frequency, warped)


def _mel_edges(options: MelOptions) -> list[Tensor]:
    """Left edges, centres and right edges of the filters in mel."""
    low, high = (1127.0 * math.log1p(edge / 700.0) for edge in (options.low_freq, options.high_edge))
    step = (high - low) / (options.num_mel_bins + 1)
    number = torch.arange(options.num_mel_bins, dtype=torch.float32)
    edges = [low + (number + offset) * step for offset in (0.0, 1.0, 2.0)]
    if options.vtln_warp == 1.0:
        return edges
    return [mel_scale(vtln_warp(inverse_mel_scale(edge), options)) for edge in edges]
