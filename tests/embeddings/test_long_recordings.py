"""Long recordings: what is read in pieces and embedded in windows equals the whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from speakerssl.data.audio import AudioError
from speakerssl.data.pipes import allow_pipes
from speakerssl.data.utterance import Utterance
from speakerssl.embeddings import extraction, feature_file, long_recordings, pieces
from speakerssl.embeddings import model as model_module
from speakerssl.embeddings.crops import Crops
from speakerssl.embeddings.extraction import extract
from speakerssl.embeddings.extraction_plan import ExtractionOptions
from speakerssl.embeddings.feature_file import FeatureFile
from speakerssl.embeddings.floor import raw_statistics
from speakerssl.embeddings.long_recordings import fits_whole
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend

RATE = 16000
SMALL: dict[str, dict[str, Any]] = {
    "ecapa_tdnn": {"channels": 16, "attention_channels": 8, "se_channels": 8, "embed_dim": 12},
    "xvector": {"channels": [16] * 5, "embed_dim": 12},
    "fast_resnet34": {"channels": 8},
    "small_tdnn": {"channels": 16},
    "campplus": {"head_channels": 8, "channels": 16, "growth": 8, "layers": [2, 2, 1], "embed_dim": 12},
    "fast_resnet34_gru": {"channels": 8, "frame_dim": 16, "embed_dim": 12},
    "residual_xvector": {"channels": 16, "last_channels": 24, "embed_dim": 12},
}


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Eleven seconds of noise under a changing envelope, in the int16 range."""
    rng = np.random.default_rng(0)
    envelope = np.interp(np.arange(11 * RATE), np.linspace(0, 11 * RATE, 40), rng.uniform(0, 3000, 40))
    return (envelope * rng.standard_normal(11 * RATE)).clip(-32000, 32000).round().astype(np.float32)


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of two seconds, windows of as few frames as may be, and nothing fits as a whole."""
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 2)
    monkeypatch.setattr(long_recordings, "WINDOW_BYTES", 0)
    monkeypatch.setattr(long_recordings, "WHOLE_BYTES", {"cpu": 0})
    monkeypatch.setattr(pieces, "STREAM_SECONDS", 5.0)
    monkeypatch.setattr(model_module, "STREAM_SECONDS", 5.0)
    monkeypatch.setattr(extraction, "STREAM_SECONDS", 5.0)


def make_model(folder: Path, name: str, **features: Any) -> TorchModel:
    config = {"features": {"num_mel_bins": 24, **features}, "encoder": {"name": name, **SMALL.get(name, {})}}
    torch.manual_seed(0)
    save_model(folder, config, build_model(config, "test")[1])
    return load_torch_model(folder)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_pieces_and_windows_give_the_embedding_of_the_whole(tmp_path: Path, voice, name: str, monkeypatch) -> None:
    model = make_model(tmp_path, name)
    whole = model.encode([voice])[0]
    monkeypatch.setattr(long_recordings, "WINDOW_BYTES", 0)
    monkeypatch.setattr(long_recordings, "WHOLE_BYTES", {"cpu": 0})
    for parts in ([voice], np.array_split(voice, 7), np.array_split(voice, 1500)):
        found = model.encode_pieces(parts)
        assert np.linalg.norm(found - whole) <= 1e-4 * np.linalg.norm(whole)
    np.testing.assert_allclose(model.encode([voice, voice[: 2 * RATE]])[0], found, atol=1e-5)


@pytest.mark.parametrize(
    "features",
    [
        {"cmn": "none"},
        {"norm_vars": True},
        {"cmn": "sliding"},
        {"cmn": "sliding", "cmn_center": False, "norm_vars": True, "deltas": 1},
        {"deltas": 2},
        {"vad": True},
        {"vad": True, "deltas": 1, "snip_edges": False},
        {"snip_edges": False},
        {"kind": "mfcc"},
        {"kind": "plp", "vad": True},
        {"kind": "torchaudio_mel"},
        {"kind": "torchaudio_mel", "preemphasis_coefficient": 0.97, "vad": True, "cmn": "sliding"},
        {"kind": "librosa_mel", "extra_frames": 9, "vad": True, "cmn": "none"},
    ],
)
def test_every_kind_of_features(tmp_path: Path, voice, monkeypatch, features: dict[str, Any]) -> None:
    monkeypatch.setattr(feature_file, "CHUNK", 171)
    frontend = FeatureFrontend({"num_mel_bins": 24, **features}).eval()
    expected = frontend.recording(torch.from_numpy(voice))
    for number in (1, 6, 700):
        found = FeatureFile(frontend, np.array_split(voice, number), torch.device("cpu"))
        assert found.num_frames == len(expected)
        torch.testing.assert_close(found.read(0, len(expected)), expected, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(found.read(100, 170), expected[100:170], atol=1e-3, rtol=1e-4)
        found.close()


@pytest.mark.usefixtures("short_pieces")
def test_extract_and_embed_read_a_long_file_in_pieces(tmp_path: Path, voice, monkeypatch) -> None:
    model = make_model(tmp_path / "model", "fast_resnet34")
    data = tmp_path / "data"
    data.mkdir()
    soundfile.write(data / "long.wav", voice.astype(np.int16), RATE)
    soundfile.write(data / "short.wav", voice.astype(np.int16)[: 3 * RATE], RATE)
    (data / "wav.scp").write_text(f"long {data}/long.wav\nshort {data}/short.wav\n")
    lengths: list[float | None] = []
    read_on = Utterance.read_on
    monkeypatch.setattr(Utterance, "read_on", lambda *a: (lengths.append(a[2]), read_on(*a))[1])
    for seconds in (None, 1000.0):
        options = ExtractionOptions(batch_seconds=seconds, resume=False)
        extract(tmp_path / "model", data, tmp_path / "out", options)
        found = read_embeddings(tmp_path / "out" / "xvector.scp")
        monkeypatch.setattr(long_recordings, "WHOLE_BYTES", {"cpu": 1 << 40})
        for key, wave in (("long", voice), ("short", voice[: 3 * RATE])):
            whole = model.encode([wave])[0]
            assert np.linalg.norm(found.select([key]).matrix[0] - whole) <= 1e-4 * np.linalg.norm(whole)
        monkeypatch.setattr(long_recordings, "WHOLE_BYTES", {"cpu": 0})
    assert max(length or 0 for length in lengths) == 4  # seconds: two and a margin on both sides
    monkeypatch.setattr(pieces, "SMALL_FILE", 0)
    np.testing.assert_allclose(model.embed(data / "long.wav"), model.embed(voice / np.float32(32768)), atol=1e-5)


@pytest.mark.usefixtures("short_pieces")
def test_of_a_long_file_only_the_crops_are_read(tmp_path: Path, voice, monkeypatch) -> None:
    model = make_model(tmp_path / "model", "fast_resnet34")
    samples = voice.astype(np.int16)
    samples[: 10 * RATE] = 0  # speech is in the last second alone, which the last crop sees
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    monkeypatch.setattr(pieces, "SMALL_FILE", 0)
    for mean in ("unit", "raw"):
        model.crops = Crops(5, 0.8, mean)
        whole = model.encode([samples.astype(np.float32)])[0]
        lengths: list[float | None] = []
        read_on = Utterance.read_on
        monkeypatch.setattr(Utterance, "read_on", lambda *a: (lengths.append(a[2]), read_on(*a))[1])  # noqa: B023
        found = model._encode_input(tmp_path / "a.wav", RATE, "error")
        assert len(lengths) == 5
        assert max(length or 0 for length in lengths) < 3
        np.testing.assert_allclose(found, whole, atol=1e-5)
        monkeypatch.setattr(Utterance, "read_on", read_on)
    model.crops = Crops(2, 0.5)
    soundfile.write(tmp_path / "a.wav", np.roll(samples, -5 * RATE), RATE)  # speech between the crops
    model.embed(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", 0 * samples, RATE)
    with pytest.raises(AudioError, match=r"a\.wav: no speech"):
        model.embed(tmp_path / "a.wav")


@pytest.mark.usefixtures("short_pieces")
def test_the_command_of_a_long_recording_runs_once_for_all_pieces(tmp_path: Path, voice) -> None:
    model = make_model(tmp_path / "model", "fast_resnet34")
    soundfile.write(tmp_path / "a.wav", voice.astype(np.int16), RATE)
    data = tmp_path / "data"
    data.mkdir()
    (data / "wav.scp").write_text(f"a echo x >> {tmp_path}/count; cat {tmp_path}/a.wav |\n")
    (data / "utt2dur").write_text("a 11\n")
    allow_pipes()
    try:
        extract(tmp_path / "model", data, tmp_path / "out", ExtractionOptions())
    finally:
        allow_pipes(False)
    assert (tmp_path / "count").read_text() == "x\n"
    found = read_embeddings(tmp_path / "out" / "xvector.scp").matrix[0]
    whole = model.encode([voice])[0]
    assert np.linalg.norm(found - whole) <= 1e-4 * np.linalg.norm(whole)


@pytest.mark.usefixtures("short_pieces")
def test_the_floor_reads_in_pieces_too(tmp_path: Path, voice, monkeypatch) -> None:
    soundfile.write(tmp_path / "a.wav", voice.astype(np.int16), RATE)
    utterance = Utterance("a", str(tmp_path / "a.wav"))
    ((_, whole),) = raw_statistics([utterance])
    monkeypatch.setattr(pieces, "SMALL_FILE", 0)
    ((_, found),) = raw_statistics([utterance])
    assert isinstance(whole, np.ndarray)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-3)
    assert not np.array_equal(found, whole)  # it was another way


def test_an_encoder_that_cannot_combine_windows_says_so(tmp_path: Path, voice, monkeypatch, caplog) -> None:
    model = make_model(tmp_path, "fast_resnet34")
    whole = model.encode([voice])[0]
    model.encoder.reach = None
    monkeypatch.setattr(long_recordings, "WHOLE_BYTES", {"cpu": 0})
    monkeypatch.setattr(long_recordings, "WINDOW_BYTES", 0)
    monkeypatch.setattr(long_recordings, "_said", set())
    found = model.encode_pieces([voice])
    assert found @ whole > 0.9 * np.linalg.norm(found) * np.linalg.norm(whole)
    assert any("ResNet cannot combine windows exactly" in message for message in caplog.messages)


def test_too_few_samples_for_a_frame(tmp_path: Path) -> None:
    model = make_model(tmp_path, "xvector")
    with pytest.raises(InputError, match="too few for the encoder"):
        model.encode_pieces([np.ones(100, np.float32)])
    assert fits_whole(model.encoder, 1000)
