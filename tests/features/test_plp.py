"""PLP: prediction against a solve of the normal equations, cepstra against the log spectrum, gradients, silence."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.features import Plp
from speakerssl.features.plp import levinson_durbin, lpc_to_cepstrum


def autocorrelation(frames: int = 5, order: int = 8) -> torch.Tensor:
    wave = torch.randn(frames, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wave = wave + 0.9 * wave.roll(1, 1) + 0.5 * wave.roll(2, 1)
    return torch.stack([(wave[:, lag:] * wave[:, : 200 - lag]).sum(1) for lag in range(order + 1)], dim=1)


def test_levinson_durbin_solves_the_normal_equations() -> None:
    values = autocorrelation()
    prediction, residual = levinson_durbin(values)
    lag = np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    for row, coefficients, error in zip(values.numpy(), prediction.numpy(), residual.numpy()):
        expected = -np.linalg.solve(row[lag], row[1:])
        assert coefficients == pytest.approx(expected, abs=1e-10)
        assert error == pytest.approx(row[0] + expected @ row[1:], rel=1e-10)


def test_cepstra_are_those_of_the_log_spectrum_of_the_model() -> None:
    prediction, _ = levinson_durbin(autocorrelation())
    cepstra = lpc_to_cepstrum(prediction)
    for coefficients, ours in zip(prediction.numpy(), cepstra.numpy()):
        spectrum = np.fft.fft(np.concatenate([[1.0], coefficients]), 4096)
        expected = np.fft.ifft(-np.log(np.abs(spectrum))).real
        assert ours == pytest.approx(2 * expected[1:9], abs=1e-8)


def test_silence_is_finite_with_finite_gradients() -> None:
    wave = torch.zeros(2, 1600, requires_grad=True)
    features = Plp(use_energy=False)(wave)
    assert features.abs().max() < 1e-4
    features.sum().backward()
    assert torch.isfinite(wave.grad).all()
    assert Plp()(torch.zeros(400))[0, 0].item() == pytest.approx(math.log(torch.finfo(torch.float32).eps))


@pytest.mark.parametrize("use_energy", [True, False])
def test_gradients(use_energy: bool) -> None:
    small: dict[str, Any] = {
        "sample_frequency": 1000,
        "num_mel_bins": 5,
        "num_ceps": 4,
        "lpc_order": 4,
        "frame_length": 32,
    }
    wave = 300 * torch.randn(70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    module = Plp(use_energy=use_energy, **small).double()
    assert torch.autograd.gradcheck(module, (wave.requires_grad_(),), eps=1e-4, atol=1e-6)


def test_scale_and_lifter_are_factors_of_the_cepstra(synthetic_waves: dict) -> None:
    wave = synthetic_waves["speech-like"]
    plain = Plp(use_energy=False, cepstral_lifter=0)(wave)
    scaled = Plp(use_energy=False, cepstral_lifter=0, cepstral_scale=10.0)(wave)
    assert torch.allclose(scaled, 10 * plain, rtol=1e-5, atol=1e-5)
    liftered = Plp(use_energy=False)(wave)
    assert torch.allclose(liftered[:, 11], 12 * plain[:, 11], rtol=1e-4, atol=1e-5)
