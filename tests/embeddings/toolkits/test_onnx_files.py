"""ONNX files that another program wrote, with features or samples as input, become models that `load_model` takes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.toolkits.onnx_files import import_onnx
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.features import FeatureFrontend

onnx = pytest.importorskip("onnx", reason="needs the extra 'onnx'")
WAVE = 0.1 * np.random.default_rng(0).standard_normal(24_000).astype(np.float32)


def write(network: nn.Module, example: torch.Tensor, name: str, path: Path) -> None:
    axes = {name: {0: "N", 1: "L"}, "out": {0: "N"}}
    torch.onnx.export(
        network.eval(), (example,), str(path), input_names=[name], output_names=["out"], dynamic_axes=axes, dynamo=False
    )


def encoder() -> nn.Module:
    torch.manual_seed(0)
    return build_encoder("small_tdnn", 40, channels=8, embed_dim=12)


@pytest.mark.parametrize("toolkit", [None, "3dspeaker"])
def test_features(toolkit: str | None, tmp_path: Path) -> None:
    network = encoder()
    write(network, torch.randn(1, 90, 40), "x", tmp_path / "a.onnx")
    model = load_model(import_onnx(tmp_path / "a.onnx", tmp_path / "b.onnx", toolkit))
    window = "hamming" if toolkit is None else "povey"
    frontend = FeatureFrontend({"kind": "fbank", "num_mel_bins": 40, "window_type": window})
    with torch.no_grad():
        expected = network(frontend(torch.from_numpy(WAVE)[None] * 32768.0))[0].numpy()
    got = model.embed(WAVE, on_no_speech="keep")
    np.testing.assert_allclose(got, expected / np.linalg.norm(expected), atol=1e-4)


def test_samples(tmp_path: Path) -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.last = nn.Conv1d(1, 8, 400, 160), nn.Linear(8, 6)

        def forward(self, samples: torch.Tensor) -> torch.Tensor:
            return self.last(torch.relu(self.conv(samples[:, None])).mean(dim=2))

    torch.manual_seed(0)
    network = Whole()
    write(network, torch.randn(1, 16_000), "audio", tmp_path / "a.onnx")
    model = load_model(import_onnx(tmp_path / "a.onnx", tmp_path / "b.onnx"))
    with torch.no_grad():
        expected = network(torch.from_numpy(WAVE)[None])[0].numpy()
    got = model.embed(WAVE, on_no_speech="keep")
    np.testing.assert_allclose(got, expected / np.linalg.norm(expected), atol=1e-4)


def test_mistakes(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"no\.onnx: is no ONNX file"):
        import_onnx(tmp_path / "no.onnx", tmp_path / "b.onnx")
    with pytest.raises(InputError, match=r"ends in \.onnx"):
        import_onnx(tmp_path / "no.onnx", tmp_path / "folder")
    with pytest.raises(InputError, match="unknown toolkit of features 'kaldi'"):
        import_onnx(tmp_path / "no.onnx", tmp_path / "b.onnx", "kaldi")
    write(nn.Linear(4, 3), torch.randn(2, 3, 5, 4), "x", tmp_path / "four.onnx")
    with pytest.raises(InputError, match="is no speaker encoder"):
        import_onnx(tmp_path / "four.onnx", tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()
