"""8-bit files: smaller, still the same voices, and everything that the float file says of itself."""

from pathlib import Path

import pytest

from speakerssl.embeddings.export import export_file
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.quantize import quantize
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.errors import InputError

pytest.importorskip("onnx")


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_the_file_is_smaller_and_points_the_same_way(kind: str, model_dir: Path, data_dir: Path, tmp_path) -> None:
    folder = load_torch_model(model_dir)
    path = export_file(folder, tmp_path / "small.onnx", int8=kind, data=data_dir)
    assert path.stat().st_size < 0.5 * (model_dir / "model.safetensors").stat().st_size
    found = load_model(path)
    assert found.fingerprint == folder.fingerprint
    names = [data_dir / f"u{number:02d}.wav" for number in (4, 7, 11)]
    cosines = [float(found.embed(name) @ folder.embed(name)) for name in names]
    assert min(cosines) > 0.98
    assert min(cosines) < 1.0 - 1e-7  # it is another network
    assert list(tmp_path.iterdir()) == [path]


def test_mistakes_are_one_line(onnx_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be one of: dynamic, static"):
        quantize(onnx_file, tmp_path / "a.onnx", "half")
    with pytest.raises(InputError, match="needs recordings"):
        quantize(onnx_file, tmp_path / "a.onnx", "static", [])
    assert list(tmp_path.iterdir()) == []
