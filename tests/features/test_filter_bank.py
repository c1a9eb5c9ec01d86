"""FBank against torchaudio over a grid of options; blocks, batches, gradients, dither, dtypes and bad input."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchaudio.compliance.kaldi as torchaudio_kaldi

from speakerssl.errors import InputError
from speakerssl.features import Fbank, fbank, num_frames
from speakerssl.features.options import FbankOptions

Speech = Callable[..., torch.Tensor]

GRID: list[dict[str, Any]] = [
    {"num_mel_bins": bins, "window_type": window, "snip_edges": snip, "high_freq": high}
    for bins, window, snip, high in itertools.product(
        (23, 40, 80), ("povey", "hamming", "hanning"), (True, False), (0.0, -400.0)
    )
] + [
    {"num_mel_bins": 64, "remove_dc_offset": False},
    {"num_mel_bins": 80, "preemphasis_coefficient": 0.0},
    {"num_mel_bins": 80, "window_type": "blackman", "blackman_coeff": 0.4},
    {"num_mel_bins": 80, "window_type": "rectangular", "low_freq": 0.0},
    {"num_mel_bins": 40, "frame_length": 20.0, "frame_shift": 5.0, "snip_edges": False},
    {"num_mel_bins": 40, "frame_length": 32.0, "frame_shift": 12.5},
    {"num_mel_bins": 40, "round_to_power_of_two": False},
    {"num_mel_bins": 40, "use_power": False},
    {"num_mel_bins": 40, "vtln_warp": 0.9, "vtln_low": 120.0, "vtln_high": -700.0},
    {"num_mel_bins": 40, "use_energy": True},
    {"num_mel_bins": 40, "use_energy": True, "raw_energy": False, "htk_compat": True},
    {"num_mel_bins": 40, "use_energy": True, "energy_floor": 1e8},
]


def torchaudios(wave: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
    return torchaudio_kaldi.fbank(wave[None], **{"energy_floor": 0.0, **options})


def assert_equals_torchaudio(waves: dict[str, torch.Tensor], options: dict[str, Any]) -> None:
    module = Fbank(**options)
    for name, wave in waves.items():
        if num_frames(len(wave), module.options) == 0 or len(wave) < module.options.window_size:
            continue  # torchaudio refuses these
        ours, theirs = module(wave), torchaudios(wave, options)
        assert ours.shape == theirs.shape, name
        assert (ours - theirs).abs().max() < 1e-4, name
        precise = fbank(wave.double(), **options) - torchaudios(wave.double(), options)
        assert precise.abs().max() < 1e-9, name


@pytest.mark.parametrize("options", GRID, ids=str)
def test_equals_torchaudio_on_synthetic_sound(synthetic_waves: dict, options: dict[str, Any]) -> None:
    assert_equals_torchaudio(synthetic_waves, options)


@pytest.mark.parametrize("options", GRID, ids=str)
def test_equals_torchaudio_on_real_speech(real_waves: dict, options: dict[str, Any]) -> None:
    assert_equals_torchaudio(real_waves, options)


def test_padding_at_the_end_leaves_the_frames_of_the_recording(speech_like: Speech) -> None:
    module, wave = Fbank(num_mel_bins=40), speech_like(12345)
    padded = module(torch.stack([torch.nn.functional.pad(wave, (0, 5000)), speech_like(17345, 4)]))
    assert (padded[0, : num_frames(12345, module.options)] - module(wave)).abs().max() < 1e-5


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_power": False},
        {"use_log_fbank": False, "snip_edges": False},
        {"use_energy": True},
        {"use_energy": True, "raw_energy": False, "htk_compat": True},
        {"remove_dc_offset": False, "preemphasis_coefficient": 0.0, "use_energy": True},
    ],
    ids=str,
)
def test_gradients(options: dict[str, Any]) -> None:
    module = Fbank(sample_frequency=1000, num_mel_bins=4, frame_length=32, frame_shift=10, **options).double()
    generator = torch.Generator().manual_seed(0)
    wave = 2 * torch.randn(2, 70, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(module, (wave.requires_grad_(),))


def test_features_with_gradients_are_those_without_and_the_waveform_is_left_alone(speech_like: Speech) -> None:
    for module in (Fbank(), Fbank(remove_dc_offset=False, use_energy=True)):
        wave = speech_like(80000)
        kept = wave.clone()
        plain = module(wave)
        assert torch.equal(wave, kept)
        assert torch.equal(module(wave.requires_grad_()).detach(), plain)


def test_gradients_of_silence_are_finite() -> None:
    for module in (Fbank(), Fbank(use_power=False), Fbank(use_energy=True)):
        wave = torch.zeros(1000, requires_grad=True)
        module(wave).sum().backward()
        assert torch.equal(wave.grad, torch.zeros(1000))


def test_dither_is_repeatable_and_has_its_standard_deviation(speech_like: Speech) -> None:
    wave = speech_like(16000)
    module = Fbank(num_mel_bins=40, dither=1.0)
    first, again, other = (module(wave, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    noise = Fbank(dither=3.0, use_log_fbank=False, use_energy=True, remove_dc_offset=False)
    energy = noise(torch.zeros(160000), torch.Generator().manual_seed(0))[:, 0].exp()
    assert energy.mean().item() == pytest.approx(400 * 9.0, rel=0.03)


def test_nothing_is_saved_with_a_model_and_the_constants_are_buffers() -> None:
    module = Fbank()
    assert not module.state_dict()
    assert {name for name, _ in module.named_buffers()} == {"window", "banks"}
    assert module.to("meta").window.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_numbers_of_the_cpu(speech_like: Speech) -> None:
    waves = torch.stack([speech_like(32000), speech_like(32000, 1)])
    apart = (Fbank().cuda()(waves.cuda()).cpu() - Fbank()(waves)).abs()
    assert apart.max() < 2e-2
    assert apart.quantile(0.99) < 1e-3


def test_without_snipped_edges_half_a_shift_is_enough() -> None:
    module = Fbank(snip_edges=False)
    assert module(torch.ones(80)).shape == (1, 80)
    with pytest.raises(InputError, match="79 samples"):
        module(torch.ones(79))


def test_silence_is_the_log_of_the_float32_epsilon() -> None:
    assert np.allclose(Fbank(FbankOptions())(torch.zeros(1600)), -15.942385)
