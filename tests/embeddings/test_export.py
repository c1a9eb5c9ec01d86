"""Exported files: names, free batch and length, and torch's numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.embeddings.export import export_file, export_model, export_program
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.toolkits.writing import export_sherpa, export_wespeaker
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.errors import InputError
from speakerssl.io import write_text

onnxruntime = pytest.importorskip("onnxruntime")
SIZES: dict[str, dict[str, Any]] = {
    "ecapa_tdnn": {"channels": 16, "attention_channels": 8, "se_channels": 8, "embed_dim": 12},
    "fast_resnet34": {"channels": 4, "embed_dim": 12},
    "xvector": {"channels": [8] * 5, "embed_dim": 12},
}


def make(folder: Path, name: str, **features: Any) -> TorchModel:
    config: dict[str, Any] = {"features": {"num_mel_bins": 24, **features}, "encoder": {"name": name, **SIZES[name]}}
    torch.manual_seed(0)
    frontend, encoder = build_model(config, "test")
    encoder.train()
    with torch.no_grad():
        encoder(frontend(3000 * torch.randn(4, 8000)))
    save_model(folder, config, encoder)
    return load_torch_model(folder)


def run(path: Path, **inputs: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["embs"], inputs)[0]


@pytest.mark.parametrize("name", sorted(SIZES))
def test_lengths_of_a_padded_batch(name: str, tmp_path: Path) -> None:
    model = make(tmp_path, name)
    path = export_model(model, tmp_path / "model.onnx", lengths=True)
    feats = [torch.randn(n, 24, generator=torch.Generator().manual_seed(n)) for n in (150, 61, 97)]
    padded = torch.nn.utils.rnn.pad_sequence(feats, batch_first=True).numpy()
    padded[1, 61:] = 7.0  # what lies past a recording does not matter
    found = run(path, feats=padded, lengths=np.array([150, 61, 97]))
    with torch.no_grad():
        expected = np.concatenate([model.encoder(item[None]).numpy() for item in feats])
    assert (np.linalg.norm(found - expected, axis=1) <= 1e-4 * np.linalg.norm(expected, axis=1)).all()


def test_torch_export(tmp_path: Path) -> None:
    model = make(tmp_path, "fast_resnet34")
    program = torch.export.load(export_program(model, tmp_path / "model.pt2")).module()
    for batch, frames in ((1, 90), (3, 211)):
        feats = torch.randn(batch, frames, 24)
        with torch.no_grad():
            torch.testing.assert_close(program(feats), model.encoder(feats), atol=1e-4, rtol=1e-4)


def test_the_model_of_a_file_is_no_model_of_a_folder(tmp_path: Path) -> None:
    loaded = load_model(export_model(make(tmp_path, "xvector"), tmp_path / "model.onnx"))
    for export in (export_model, export_program, export_file, export_sherpa, export_wespeaker):
        with pytest.raises(InputError, match="export takes the model of a folder, not that of an ONNX file"):
            export(loaded, tmp_path / "again.onnx")
    assert not (tmp_path / "again.onnx").exists()


def test_what_cannot_be_exported_says_why(tmp_path: Path) -> None:
    model = make(tmp_path, "fast_resnet34", kind="mfcc", num_ceps=20)
    with pytest.raises(InputError, match="a graph from the waveform holds FBank"):
        export_model(model, tmp_path / "model.onnx", "wave")
    with pytest.raises(InputError, match="it must be one of: feats, wave"):
        export_model(model, tmp_path / "model.onnx", "audio")
    with pytest.raises(InputError, match=r"no format has this suffix; give .onnx or .pt2"):
        export_file(model, tmp_path / "model.tflite")
    with pytest.raises(InputError, match="neither --input wave, --lengths nor --int8"):
        export_file(model, tmp_path / "model.pt2", int8="dynamic")
    write_text(tmp_path / "wav.scp", "")
    with pytest.raises(InputError, match="static quantization needs recordings"):
        export_file(model, tmp_path / "model.onnx", int8="static")
    assert not list(tmp_path.glob("*.onnx"))
