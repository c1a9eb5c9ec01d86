"""A small model and real-enough recordings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from speakerssl.embeddings.export import export_model
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.torch_model import load_torch_model

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def config() -> dict[str, Any]:
    return {
        "features": {"kind": "fbank", "num_mel_bins": 40, "cmn": "utterance"},
        "encoder": {"name": "thin_resnet34"},
        "method": {"name": "simclr"},
    }


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Path:
    """An untrained Thin-ResNet34 whose batch normalization has seen something."""
    torch.manual_seed(0)
    features, encoder = build_model(config, "test")
    encoder.train()
    with torch.no_grad():
        encoder(features(3000 * torch.randn(4, 16000)))
    path = tmp_path_factory.mktemp("model")
    save_model(path, config, encoder)
    return path


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    """The model of `model_dir` as an ONNX file that takes features."""
    pytest.importorskip("onnx")
    return export_model(load_torch_model(model_dir), tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve recordings of 0.3 to 2.5 seconds by three speakers."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    lines, speakers = [], []
    for number in range(12):
        seconds = 0.3 + 0.2 * number
        time = np.arange(round(16000 * seconds)) / 16000
        tones = sum(np.sin(2 * np.pi * f * time) for f in rng.uniform(100, 3000, 5))
        samples = (2000 * tones + 200 * rng.standard_normal(len(time))).astype(np.int16)
        soundfile.write(folder / f"u{number:02d}.wav", samples, 16000)
        lines.append(f"u{number:02d} {folder}/u{number:02d}.wav\n")
        speakers.append(f"u{number:02d} s{number % 3}\n")
    (folder / "wav.scp").write_text("".join(lines))
    (folder / "utt2spk").write_text("".join(speakers))
    return folder
