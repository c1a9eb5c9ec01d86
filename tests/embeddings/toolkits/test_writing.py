"""What is written for other runtimes: sherpa-onnx itself loads it, and wespeaker's own modules and our import do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.model_dir import save_model
from speakerssl.embeddings.toolkits.writing import SHERPA_FEATURES, export_sherpa, export_wespeaker
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError

XVECTOR = {
    "channels": [16, 16, 16, 16, 24],
    "embed_dim": 12,
    "pooling": "unbiased_statistics",
    "second_layer": True,
}


def build(folder: Path, features: dict[str, Any], name: str, **options: Any) -> TorchModel:
    torch.manual_seed(0)
    encoder = build_encoder(name, features.get("num_mel_bins", 80), **options)
    for module in encoder.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.3, 0.3)
    with torch.no_grad():
        encoder(torch.randn(4, 90, encoder.feat_dim))
    save_model(folder, {"features": features, "encoder": {"name": name, **options}}, encoder.eval())
    return load_torch_model(folder)


def sherpa_embedding(path: Path, samples: np.ndarray) -> np.ndarray:
    sherpa = pytest.importorskip("sherpa_onnx", reason="needs the package sherpa-onnx (extra 'dev')")
    config = sherpa.SpeakerEmbeddingExtractorConfig(model=str(path), num_threads=1, provider="cpu")
    assert config.validate()
    extractor = sherpa.SpeakerEmbeddingExtractor(config)
    stream = extractor.create_stream()
    stream.accept_waveform(16000, samples)
    stream.input_finished()
    assert extractor.is_ready(stream)
    return np.array(extractor.compute(stream))


def test_sherpa_onnx_gives_the_same_embedding(tmp_path: Path, shared_data: Path) -> None:
    model = build(tmp_path / "model", dict(SHERPA_FEATURES), "xvector", **XVECTOR)
    assert export_sherpa(model, tmp_path / "model.onnx", language="English") == []
    data = DataDir.read(shared_data / "librispeech" / "test")
    for utterance in list(data.recordings.values())[:3]:
        wave = model.waveform(str(utterance.source))
        got = sherpa_embedding(tmp_path / "model.onnx", wave / np.float32(32768.0))
        expected = model.encode([wave])[0]
        assert np.abs(got - expected).max() < 2e-3 * np.abs(expected).max()


def test_other_features_are_named(tmp_path: Path) -> None:
    model = build(tmp_path / "model", {"kind": "fbank", "window_type": "hamming"}, "xvector", **XVECTOR)
    found = export_sherpa(model, tmp_path / "model.onnx")
    assert found[0] == "window_type: hamming here, povey there"
    assert len(found) == 3
    other = build(tmp_path / "other", {"kind": "mfcc", "num_ceps": 20, "num_mel_bins": 20}, "xvector", **XVECTOR)
    with pytest.raises(InputError, match="FBank of 80 values"):
        export_sherpa(other, tmp_path / "other.onnx")


HAMMING = {"kind": "fbank", "window_type": "hamming", "num_mel_bins": 40}


@pytest.mark.parametrize(
    ("name", "options", "module", "network"),
    [
        ("rvector_resnet", {"depth": 18, "channels": 32, "embed_dim": 12}, "resnet", "ResNet18"),
        ("rvector_resnet", {"depth": 50, "channels": 32, "embed_dim": 12, "second_layer": True}, "resnet", "ResNet50"),
        ("xvector", XVECTOR, "tdnn", "XVEC"),
    ],
)
def test_wespeakers_own_module_reads_the_folder(
    name: str, options: dict[str, Any], module: str, network: str, package_module: Callable[[str], Any], tmp_path: Path
) -> None:
    model = build(tmp_path / "model", HAMMING, name, **options)
    folder = export_wespeaker(model, tmp_path / "wespeaker")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["model"] == network
    sizes = {"hid_dim": 16, "stats_dim": 24} if network == "XVEC" else {}
    theirs = getattr(package_module(f"wespeaker.models.{module}"), network)(**config["model_args"], **sizes)
    theirs.load_state_dict(torch.load(folder / "avg_model.pt", weights_only=True))
    theirs.eval()
    feats = torch.randn(2, 90, 40)
    with torch.no_grad():
        expected = model.encoder(feats)
        torch.testing.assert_close(theirs(feats)[-1], expected, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(load_torch_model(folder).encoder(feats), expected, atol=1e-3, rtol=1e-3)


def test_wespeakers_runtime_reads_the_graph(tmp_path: Path) -> None:
    """Its Python runtime gives a session `feats` [1, T, F] and takes `embs`."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
    model = build(tmp_path / "model", HAMMING, "xvector", **XVECTOR)
    folder = export_wespeaker(model, tmp_path / "wespeaker")
    session = onnxruntime.InferenceSession(str(folder / "final.onnx"))
    feats = torch.randn(1, 77, 40)
    (found,) = session.run(["embs"], {"feats": feats.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, model.encoder(feats).numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("features", "name", "options", "message"),
    [
        (HAMMING, "small_tdnn", {"channels": 8}, "no network for small_tdnn"),
        (HAMMING, "xvector", {**XVECTOR, "second_layer": False}, "two layers after the pooling"),
        ({**HAMMING, "window_type": "povey"}, "xvector", XVECTOR, "Hamming window"),
    ],
)
def test_what_wespeaker_does_not_have(
    features: dict[str, Any], name: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    model = build(tmp_path / "model", features, name, **options)
    with pytest.raises(InputError, match=message):
        export_wespeaker(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
