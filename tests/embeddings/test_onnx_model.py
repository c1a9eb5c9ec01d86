"""An ONNX file is a model: the folder's embeddings, without torch."""

import logging
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.export import export_model
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.onnx_model import OnnxModel
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.errors import InputError

BLOCKED = """
import sys
for name in ("torch", "torchaudio", "speechbrain"):
    sys.modules[name] = None
"""


def test_the_file_gives_the_folder_s_embeddings(onnx_file: Path, model_dir: Path, data_dir: Path) -> None:
    found, folder = load_model(onnx_file), load_model(model_dir)
    assert isinstance(found, OnnxModel)
    assert (found.embed_dim, found.sample_rate) == (folder.embed_dim, folder.sample_rate)
    assert found.fingerprint == folder.fingerprint  # one gallery for both
    for name in ("u00", "u05", "u11"):
        path = data_dir / f"{name}.wav"
        np.testing.assert_allclose(found.embed(path), folder.embed(path), atol=1e-4)


@pytest.mark.parametrize("lengths", [False, True])
def test_a_graph_from_the_waveform(model_dir: Path, data_dir: Path, tmp_path: Path, lengths: bool) -> None:
    folder = load_torch_model(model_dir)
    found = load_model(export_model(folder, tmp_path / "wave.onnx", "wave", lengths))
    path = data_dir / "u07.wav"
    np.testing.assert_allclose(found.embed(path), folder.embed(path), atol=1e-3)


def test_crops_and_calibration_travel_with_the_file(model_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    from speakerssl.embeddings.crops import Crops
    from speakerssl.embeddings.decision import Decision

    folder = load_torch_model(model_dir)
    grid = np.linspace(-1, 1, 5)
    folder.decision = Decision(10.0, -3.0, grid, (1 + grid) / 2, (1 - grid) / 2, "twelve tones", (10, 20))
    folder.config = {**folder.config, "evaluation": {"num_crops": 3, "crop_seconds": 0.5}}
    folder.crops = Crops(3, 0.5)
    found = load_model(export_model(folder, tmp_path / "crops.onnx"))
    path = data_dir / "u09.wav"
    assert found.crops == folder.crops
    np.testing.assert_allclose(found.embed(path), folder.embed(path), atol=1e-4)
    result, expected = found.verify(path, data_dir / "u08.wav"), folder.verify(path, data_dir / "u08.wav")
    assert (result.same, result.calibrated_on) == (expected.same, "twelve tones")
    assert result.llr == pytest.approx(expected.llr, abs=1e-2)


def test_threads_and_pickles_share_it(onnx_file: Path, data_dir: Path) -> None:
    model = load_model(onnx_file)
    paths = sorted(data_dir.glob("*.wav"))
    alone = [model.embed(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.embed, paths))
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).embed(paths[0]), alone[0])


def test_no_torch_is_needed(onnx_file: Path, data_dir: Path, tmp_path: Path) -> None:
    code = f"""{BLOCKED}
import speakerssl
from speakerssl.cli.main import main
model = speakerssl.load_model({str(onnx_file)!r})
print(model.embed({str(data_dir / "u05.wav")!r}).shape)
model.embed_segments({str(data_dir / "u11.wav")!r}, 1, 0.5)
for line in (
    ["verify", "--model", {str(onnx_file)!r}, "--threshold", "0.5", *[{str(data_dir / "u05.wav")!r}] * 2],
    ["extract", "--model", {str(onnx_file)!r}, "--data", {str(data_dir)!r}, "--output", {str(tmp_path / "out")!r}],
    ["embed", "--model", {str(onnx_file)!r}, "--output", {str(tmp_path / "a.npz")!r}, {str(data_dir)!r}],
):
    assert main(line) == 0, line
assert sys.modules["torch"] is None
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(512,)")
    assert "same speaker" in done.stdout


def test_long_recordings_get_the_mean_of_windows(onnx_file: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr("speakerssl.embeddings.onnx_model.WINDOW_SECONDS", 1.0)
    model = load_model(onnx_file)
    wave = (3000 * np.random.default_rng(0).standard_normal(60_000)).astype(np.float32)
    with caplog.at_level(logging.WARNING, "speakerssl"):
        found = [model.encode_pieces(np.array_split(wave, parts)) for parts in (1, 7)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    whole = model.encode([wave])[0]
    assert found[0] @ whole > 0.9 * np.linalg.norm(found[0]) * np.linalg.norm(whole)
    assert "mean of windows of a minute" in caplog.text


def test_a_file_of_another_program_gets_wespeaker_s_features(onnx_file: Path, tmp_path: Path, caplog) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(str(onnx_file))
    del graph.metadata_props[:]
    onnx.save(graph, str(tmp_path / "foreign.onnx"))
    with caplog.at_level(logging.WARNING, "speakerssl"):
        model = load_model(tmp_path / "foreign.onnx")
    assert model.config["features"]["window_type"] == "hamming"
    assert model.embed_dim == 512
    assert "wespeaker's are taken" in caplog.text


def test_what_is_no_model_is_one_line(onnx_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.onnx: does not exist"):
        load_model(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(InputError, match=r"text.onnx: cannot be run as ONNX"):
        load_model(tmp_path / "text.onnx")
    with pytest.raises(InputError, match="runs on the CPU, not on 'cuda'"):
        load_model(onnx_file, "cuda")
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(str(onnx_file))
    onnx.helper.set_model_props(graph, {"speakerssl": "{"})
    onnx.save(graph, str(tmp_path / "damaged.onnx"))
    with pytest.raises(InputError, match="metadata 'speakerssl' are damaged"):
        load_model(tmp_path / "damaged.onnx")
