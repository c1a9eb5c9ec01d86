"""Sessions: of a file or its bytes, errors in one line."""

import sys
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.onnx_session import open_session
from speakerssl.errors import InputError, JobError


def test_a_file_and_its_bytes_give_the_same(onnx_file: Path) -> None:
    feats = np.random.default_rng(0).standard_normal((2, 80, 40)).astype(np.float32)
    found = [open_session(given).run(None, {"feats": feats})[0] for given in (onnx_file, onnx_file.read_bytes())]
    np.testing.assert_array_equal(*found)


def test_mistakes_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"none\.onnx: does not exist; `speakerssl export` writes it"):
        open_session(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="the exported graph: cannot be run as ONNX"):
        open_session(b"no graph")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(JobError, match="needs the package onnxruntime: pip install"):
        open_session(tmp_path / "any.onnx")
