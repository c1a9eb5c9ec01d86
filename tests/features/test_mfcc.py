"""MFCC against torchaudio, its cosine transform and lifter against their formulas, and its gradients."""

import math
from typing import Any

import pytest
import torch
import torchaudio.compliance.kaldi as torchaudio_kaldi

from speakerssl.features import Mfcc
from speakerssl.features.mfcc import dct_matrix, lifter_weights

OPTIONS: list[dict[str, Any]] = [
    {"use_energy": False},
    {"use_energy": True},
    {"use_energy": False, "htk_compat": True},
    {"use_energy": True, "htk_compat": True, "snip_edges": False},
    {"use_energy": False, "num_ceps": 30, "num_mel_bins": 30, "high_freq": 7600.0},
    {"use_energy": False, "cepstral_lifter": 0.0, "num_ceps": 20, "num_mel_bins": 40},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_torchaudio(synthetic_waves: dict, options: dict[str, Any]) -> None:
    for name, wave in synthetic_waves.items():
        ours = Mfcc(**options)(wave)
        theirs = torchaudio_kaldi.mfcc(wave[None], energy_floor=0.0, **options)
        # Cepstra are sums of 23 to 40 logs of up to 25, liftered by up to 12; torchaudio also makes its cosines and
        # lifter in float32, whatever the waveform: 5e-4 is rounding.
        assert (ours - theirs).abs().max() < 5e-4, name


def test_the_cosine_transform_is_orthonormal() -> None:
    matrix = dct_matrix(23, 23)
    assert torch.allclose(matrix.T @ matrix, torch.eye(23, dtype=torch.float64), atol=1e-12)
    assert matrix[3, 5].item() == pytest.approx(math.sqrt(2 / 23) * math.cos(math.pi / 23 * 3.5 * 5))


def test_lifter() -> None:
    assert lifter_weights(13, 22.0)[11].item() == pytest.approx(12.0)
    assert lifter_weights(13, 0.0).tolist() == [1.0] * 13


@pytest.mark.parametrize("use_energy", [True, False])
def test_gradients(use_energy: bool) -> None:
    small: dict[str, Any] = {"sample_frequency": 1000, "num_mel_bins": 4, "num_ceps": 3, "frame_length": 32}
    wave = torch.randn(70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    module = Mfcc(use_energy=use_energy, **small).double()
    assert torch.autograd.gradcheck(module, (wave.requires_grad_(),))


def test_a_batch_is_its_recordings(synthetic_waves: dict) -> None:
    waves = torch.stack([synthetic_waves["speech-like"][:16000], synthetic_waves["full-scale noise"]])
    assert Mfcc()(waves).shape == (2, 98, 13)
    assert (Mfcc()(waves)[1] - Mfcc()(waves[1])).abs().max() < 1e-4
