"""The embedding for pyannote.audio, held against the package's own wespeaker embedding on the same network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import speakerssl.pyannote
from speakerssl.embeddings.export import export_model
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.model_dir import save_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.encoders import build_encoder
from speakerssl.encoders.export import export_onnx
from speakerssl.errors import InputError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TorchModel:
    torch.manual_seed(0)
    options = {"channels": 8, "pooling": "unbiased_statistics", "embed_dim": 12}
    encoder = build_encoder("rvector_resnet34", 80, **options)
    encoder(torch.randn(4, 60, 80))
    config = {
        "features": {"kind": "fbank", "num_mel_bins": 80, "window_type": "hamming"},
        "encoder": {"name": "rvector_resnet34", **options},
    }
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, config, encoder.eval())
    return load_torch_model(folder)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    waves = 0.1 * torch.randn(3, 1, 40_000, generator=generator)
    masks = (torch.rand(3, 293, generator=generator) > 0.4).float()
    masks[2] = 0.0
    return waves, masks


def test_equals_pyannotes_own_embedding_of_the_same_network(
    model: TorchModel, batch: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    module: Any = pytest.importorskip(
        "pyannote.audio.pipelines.speaker_verification", reason="needs pyannote.audio (see tools/setup.sh)"
    )
    path = tmp_path / "wespeaker.onnx"
    export_onnx(model.encoder, path)
    theirs = module.ONNXWeSpeakerPretrainedSpeakerEmbedding(str(path))
    ours = speakerssl.pyannote.embedding(model)
    waves, masks = batch
    assert isinstance(ours, module.BaseInference)
    assert (ours.sample_rate, ours.dimension, ours.metric) == (theirs.sample_rate, theirs.dimension, theirs.metric)
    np.testing.assert_allclose(ours(waves), theirs(waves), atol=1e-3)
    expected, got = theirs(waves, masks=masks), ours(waves, masks=masks)
    assert np.isnan(got[2]).all()
    assert np.isnan(expected[2]).all()
    np.testing.assert_allclose(got[:2], expected[:2], atol=1e-3)


def test_shortest_waveform(model: TorchModel) -> None:
    ours = speakerssl.pyannote.embedding(model)
    shortest = torch.randn(1, 1, ours.min_num_samples)
    assert ours(shortest).shape == (1, 12)
    with pytest.raises(InputError):
        ours(shortest[..., :-1])


def test_other_shapes_are_refused(model: TorchModel, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    ours = speakerssl.pyannote.embedding(model)
    waves, masks = batch
    with pytest.raises(InputError, match=r"\[B, 1, S\]"):
        ours(waves[:, 0])
    with pytest.raises(InputError, match=r"\[3, frames\] is expected"):
        ours(waves, masks[:2])
    assert ours.to(torch.device("cpu")) is ours


def test_an_onnx_file_is_refused(model: TorchModel, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    exported = load_model(export_model(model, tmp_path / "model.onnx"))
    with pytest.raises(InputError, match=r"pyannote\.audio takes the model of a folder, not that of an ONNX file"):
        speakerssl.pyannote.embedding(exported)
