"""ONNX files give torch's numbers for any batch and any number of frames."""

import sys

import pytest
import torch

from speakerssl.encoders import ENCODERS, export_onnx
from speakerssl.errors import JobError


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_onnx_runtime_gives_the_same_embeddings(name, small_encoder, tmp_path):
    pytest.importorskip("onnx", reason="needs the extra 'onnx'")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
    encoder = small_encoder(name, train=True)
    path = tmp_path / "encoder.onnx"
    export_onnx(encoder, path)
    assert encoder.training  # left as it was
    encoder.eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["feats"]
    assert [value.name for value in session.get_outputs()] == ["embs"]
    generator = torch.Generator().manual_seed(0)
    for batch, frames in ((1, 200), (3, 77), (2, 331)):
        feats = torch.randn(batch, frames, 20, generator=generator)
        (embeddings,) = session.run(["embs"], {"feats": feats.numpy()})
        torch.testing.assert_close(torch.from_numpy(embeddings), encoder(feats).detach(), atol=1e-4, rtol=1e-4)


def test_without_onnx_the_cure_is_named_and_nothing_is_written(small_encoder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(JobError, match=r"encoder.onnx: .*pip install 'speakerssl\[onnx\]'"):
        export_onnx(small_encoder("small_tdnn"), tmp_path / "encoder.onnx")
    assert list(tmp_path.iterdir()) == []
