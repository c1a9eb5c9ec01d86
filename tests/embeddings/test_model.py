"""What a person does with a model: embed, compare; and what a damaged or foreign one says."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import speakerssl.data
from speakerssl.embeddings import long_recordings
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.model_dir import save_model
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.errors import InputError


@pytest.fixture(scope="module")
def model(model_dir: Path):
    return load_model(model_dir)


def test_embed_gives_a_unit_vector(model, data_dir: Path) -> None:
    vector = model.embed(data_dir / "u05.wav")
    assert vector.shape == (model.embed_dim,) == (512,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_a_path_and_its_samples_in_any_type_agree(model, data_dir: Path) -> None:
    path = data_dir / "u05.wav"
    expected = model.embed(str(path))
    floats, rate = soundfile.read(path)
    integers, _ = soundfile.read(path, dtype="int16")
    for samples in (floats, floats.astype(np.float32), integers, integers.astype(np.int32) << 16):
        np.testing.assert_allclose(model.embed(samples, rate), expected, atol=1e-6)
    np.testing.assert_allclose(model.embed(np.stack([floats, floats], axis=1)), expected, atol=1e-6)


def test_other_rates_are_resampled(model, data_dir: Path) -> None:
    from scipy.signal import resample_poly

    wave, _ = soundfile.read(data_dir / "u10.wav")
    high = resample_poly(wave, 3, 1)
    assert model.similarity(model.embed(high, 48000), model.embed(wave)) > 0.99


def test_a_batch_gives_what_each_gives_alone(model, data_dir: Path) -> None:
    paths = [data_dir / f"u{number:02d}.wav" for number in range(12)]
    together = model.embed_batch(paths)
    alone = np.stack([model.embed(path) for path in paths])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_lists_generators_and_data_directories(model, data_dir: Path) -> None:
    paths = [data_dir / "u03.wav", data_dir / "u05.wav"]
    samples = [soundfile.read(path, dtype="int16")[0] for path in paths]
    expected = model.embed_batch(paths)
    for many in (
        paths,
        tuple(map(str, paths)),
        (path for path in paths),
        samples,
        [torch.from_numpy(one) for one in samples],
        [(one, 16000) for one in samples],
        [path.read_bytes() for path in paths],
    ):
        np.testing.assert_allclose(model.embed(many), expected, atol=1e-5)
    for data in (data_dir, str(data_dir), speakerssl.data.DataDir.read(data_dir)):
        found = model.embed(data)
        assert found.ids == [f"u{number:02d}" for number in range(12)]
        np.testing.assert_allclose(found.select(["u03", "u05"]).matrix, expected, atol=1e-5)
    one = model.embed([float(value) for value in samples[0] / 32768])  # a list of numbers is samples
    np.testing.assert_allclose(one, expected[0], atol=1e-4)


def test_what_can_be_meant_two_ways_is_refused_with_both(model) -> None:
    two = np.random.default_rng(0).standard_normal((2, 16000)).clip(-1, 1)
    for given in (two, two.tolist(), torch.from_numpy(two)):
        with pytest.raises(InputError, match=r"may be 2 channels .* or 2 recordings"):
            model.embed(given)
    empty: list[Any] = [[], (), iter([])]
    for nothing in empty:
        with pytest.raises(InputError, match="there is no recording to embed"):
            model.embed(nothing)


def test_a_model_is_shown_in_one_line(model_dir: Path) -> None:
    for name, kind in (("open-speech", "OnnxModel"), (model_dir, "TorchModel")):
        shown = repr(load_model(name))
        assert shown.startswith(f"{kind}(")
        assert "16000 Hz" in shown
        assert len(shown) < 120
    assert repr(load_model("open-speech", engine="torch")).startswith("TorchModel(small_resnet, 256 dim")


def test_threads_and_pickles_share_a_model(model, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(data_dir.glob("*.wav"))
    alone = np.stack([model.embed(path) for path in paths])
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(model.embed, paths)), alone)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).embed(paths[3]), alone[3])
    monkeypatch.setattr(long_recordings, "WHOLE_BYTES", {"cpu": 0})  # windows put stages into a copy of the encoder
    monkeypatch.setattr(long_recordings, "WINDOW_BYTES", 0)
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_allclose(list(pool.map(model.embed, paths[-3:])), alone[-3:], atol=1e-4)


def test_similarity_is_the_cosine_of_recordings_or_embeddings(model, data_dir: Path) -> None:
    first, second = data_dir / "u03.wav", data_dir / "u04.wav"
    a, b = model.embed(first), model.embed(second)
    assert model.similarity(first, second) == pytest.approx(float(a @ b), abs=1e-6)
    assert model.similarity(3 * a, second) == pytest.approx(float(a @ b), abs=1e-6)
    assert model.similarity(first, first) == pytest.approx(1.0)


def test_recordings_shorter_than_a_frame_are_repeated_where_they_are_kept(model) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 100)
    assert np.isfinite(model.embed(samples, on_no_speech="keep")).all()
    assert model.features(32768 * samples.astype(np.float32)).shape[1] == 40


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.array([0.0, np.nan]), "NaN or infinity"),
        (np.zeros(0), "there are none"),
        (np.zeros((2, 2, 2)), "have the shape"),
        (np.array([3000.0, -4000.0]), "pass int16 samples as int16"),
        (np.zeros(10, np.uint8), "samples of type uint8"),
    ],
)
def test_bad_samples_are_named(model, samples: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.embed(samples)


def test_a_bad_path_is_named(model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.wav: cannot be read: No such file"):
        model.embed(tmp_path / "none.wav")


@pytest.mark.parametrize("mean", ["unit", "raw"])
def test_crops_of_the_configuration_are_used(mean: str, tmp_path: Path, config, model, data_dir: Path) -> None:
    config = {**config, "evaluation": {"num_crops": 6, "crop_seconds": 0.5, "mean": mean}}
    save_model(tmp_path, config, model.encoder)
    cropped = load_model(tmp_path)
    samples, _ = soundfile.read(data_dir / "u11.wav")
    starts = np.linspace(0, len(samples) - 8000, 6).round().astype(int)
    crops = [samples[start : start + 8000].astype(np.float32) * 32768 for start in starts]
    vectors = [model.encode([crop])[0] for crop in crops]
    expected = np.mean([v / np.linalg.norm(v) if mean == "unit" else v for v in vectors], axis=0)
    np.testing.assert_allclose(cropped.embed(samples), expected / np.linalg.norm(expected), atol=1e-5)


def test_a_device_that_is_not_there(model_dir: Path) -> None:
    with pytest.raises(InputError, match="device 'cuda:77' cannot be used"):
        load_model(model_dir, "cuda:77")
    with pytest.raises(InputError, match="device 'toaster' cannot be used"):
        load_model(model_dir, "toaster")
    assert load_torch_model(model_dir, "auto").device.type in ("cpu", "cuda")


def test_the_onnx_file_gives_the_same_embedding(model, data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    path = model.export_onnx(tmp_path / "model.onnx")
    wave = model.waveform(data_dir / "u05.wav")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (embedding,) = session.run(["embs"], {"feats": model.features(wave)[None].numpy()})
    np.testing.assert_allclose(embedding, model.encode([wave]), rtol=1e-3, atol=1e-4)


def test_importing_speakerssl_does_not_import_torch() -> None:
    code = "import sys, speakerssl; speakerssl.__version__; assert 'torch' not in sys.modules; speakerssl.load_model"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'load_modle'"):
        getattr(speakerssl, "load_modle")  # noqa: B009


def test_real_speech_of_one_speaker_has_the_same_embedding_by_path_and_batch(model, shared_data: Path) -> None:
    paths = sorted((shared_data / "speechocean762" / "audio" / "test").glob("*/*.flac"))[:6]
    together = model.embed_batch(paths)
    for path, vector in zip(paths, together):
        np.testing.assert_allclose(model.embed(path), vector, atol=1e-5)
