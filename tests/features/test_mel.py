"""Mel filters against a loop over filters and frequencies, and the shape of the warping."""

import math

import pytest
import torch

from speakerssl.features.mel import centre_frequencies, mel_banks, vtln_warp
from speakerssl.features.options import FbankOptions


def slow_banks(options: FbankOptions) -> torch.Tensor:
    def mel(frequency: float) -> float:
        return 1127 * math.log(1 + frequency / 700)

    low, high = mel(options.low_freq), mel(options.high_edge)
    step = (high - low) / (options.num_mel_bins + 1)
    weights = torch.zeros(options.num_mel_bins, options.fft_size // 2 + 1, dtype=torch.float64)
    for row in range(options.num_mel_bins):
        left = low + row * step
        for column in range(options.fft_size // 2):
            at = mel(column * options.sample_frequency / options.fft_size)
            if left < at <= left + step:
                weights[row, column] = (at - left) / step
            elif left + step < at < left + 2 * step:
                weights[row, column] = (left + 2 * step - at) / step
    return weights


@pytest.mark.parametrize(
    "options",
    [
        FbankOptions(),
        FbankOptions(num_mel_bins=23, high_freq=-400),
        FbankOptions(num_mel_bins=40, low_freq=0, round_to_power_of_two=False),
        FbankOptions(num_mel_bins=30, sample_frequency=8000, low_freq=100),
    ],
)
def test_filters_are_the_triangles_of_the_definition(options: FbankOptions) -> None:
    banks = mel_banks(options)
    assert banks.dtype == torch.float32
    assert torch.allclose(banks.double(), slow_banks(options), rtol=0, atol=5e-5)


def test_neighbours_share_each_frequency_between_the_first_and_last_centre() -> None:
    options = FbankOptions(num_mel_bins=40)
    centres = centre_frequencies(options)
    frequency = torch.arange(257) * 31.25
    inside = (frequency >= centres[0]) & (frequency <= centres[-1])
    assert torch.allclose(mel_banks(options).sum(0)[inside], torch.tensor(1.0), atol=1e-4)


@pytest.mark.parametrize("factor", [0.8, 0.95, 1.1, 1.25])
def test_warping_is_continuous_fixed_at_the_edges_and_scales_the_middle(factor: float) -> None:
    options = FbankOptions(vtln_warp=factor)
    frequency = torch.linspace(0, 8000, 80001, dtype=torch.float64)
    warped = vtln_warp(frequency, options)
    assert torch.all(warped.diff() > 0)
    assert float(warped.diff().max()) < 0.5
    assert torch.allclose(warped[[200, 80000]], frequency[[200, 80000]])
    middle = (frequency > 200) & (frequency < 5500)
    assert torch.allclose(warped[middle], frequency[middle] / factor)


def test_no_warping_is_the_limit_of_little_warping() -> None:
    near = mel_banks(FbankOptions(vtln_warp=1 + 1e-6))
    assert torch.allclose(near, mel_banks(FbankOptions()), atol=1e-3)
