"""sslsv's encoders with their features, held against the package's own modules from the waveform on."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.model import load_model

Load = Callable[[str], Any]


def check(theirs: Any, tmp_path: Path, tolerance: float) -> dict[str, Any]:
    """The embedding of noise that falls and rises, by their module and by the import of a whole checkpoint."""
    torch.manual_seed(0)
    wave = torch.randn(3, 24000) * torch.linspace(0.01, 0.2, 24000)
    with torch.no_grad():
        for _ in range(3):
            theirs(wave)
        theirs.eval()
        expected = theirs(wave[:1])[0].numpy()
    method = {f"encoder.{name}": tensor for name, tensor in theirs.state_dict().items()}
    state = {"model": {**method, "loss_fn.W": torch.zeros(3)}, "epoch": 3}
    (tmp_path / "checkpoints").mkdir()
    torch.save(state, tmp_path / "checkpoints" / "model_latest.pt")
    model = load_model(import_model(tmp_path, tmp_path / "out"))
    got = model.encode([wave[0].numpy() * 32768.0])[0]
    assert np.abs(got - expected).max() / np.abs(expected).max() < tolerance
    return dict(model.config)


@pytest.mark.parametrize("last_bn", [False, True])
def test_resnet34(last_bn: bool, package_module: Load, tmp_path: Path) -> None:
    module = package_module("sslsv.encoders.ResNet34")
    config = module.ResNet34Config(encoder_dim=24, base_dim=8, enable_last_bn=last_bn)
    found = check(module.ResNet34(config), tmp_path, 1e-3)
    assert found["features"]["window_type"] == "hanning"  # the version of the package; others have Hamming


def test_resnet34_with_statistics(package_module: Load, tmp_path: Path) -> None:
    module = package_module("sslsv.encoders.ResNet34")
    config = module.ResNet34Config(encoder_dim=24, base_dim=8, mel_n_mels=80, pooling_mode=module.PoolingModeEnum.STATS)
    check(module.ResNet34(config), tmp_path, 1e-3)


def test_ecapa(package_module: Load, tmp_path: Path) -> None:
    module = package_module("sslsv.encoders.ECAPATDNN")
    config = dataclasses.replace(module.ECAPATDNNConfig(), encoder_dim=24, channels=[32, 32, 32, 32, 96])
    check(module.ECAPATDNN(config), tmp_path, 1e-3)


def test_tdnn(package_module: Load, tmp_path: Path) -> None:
    module = package_module("sslsv.encoders.TDNN")
    torch.manual_seed(1)  # of the weights: a network whose embedding is small has larger relative errors
    config = module.TDNNConfig(encoder_dim=24, channels=[32, 32, 32, 32, 48])
    check(module.TDNN(config), tmp_path, 3e-3)
