"""What `embed` takes: every kind of input gives the same samples, or one short line that says what it is instead."""

import array
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import speakerssl
from speakerssl.embeddings.audio_input import load_waveform
from speakerssl.errors import InputError

RATE = 16000
COMMAND = "touch RAN; cat v.wav |"


@pytest.fixture(scope="module")
def model(model_dir: Path):
    return speakerssl.load_model(model_dir)


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (0.2 * rng.standard_normal(RATE) * np.hanning(RATE)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path, voice: np.ndarray) -> Path:
    soundfile.write(tmp_path / "v.wav", voice, RATE, subtype="FLOAT")
    return tmp_path / "v.wav"


def test_every_kind_of_input_gives_the_same_samples(path: Path, voice: np.ndarray) -> None:
    content = path.read_bytes()
    inputs: dict[str, Any] = {
        "str": str(path),
        "Path": path,
        "array": voice,
        "float64": voice.astype(np.float64),
        "[1, S]": voice[None],
        "[S, 1]": voice[:, None],
        "[1, 1, S]": voice[None, None],
        "[S, 2]": np.stack([voice, voice], axis=1),
        "[S, 6]": np.stack([voice] * 6, axis=1),
        "tensor": torch.tensor(voice),
        "tensor [1, S]": torch.tensor(voice)[None],
        "list": voice.tolist(),
        "list of lists": [voice.tolist()],
        "bytes": content,
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "BytesIO": io.BytesIO(content),
        "(samples, rate)": (voice, RATE),
        "(rate, samples)": (RATE, voice),
        "torchaudio.load": (torch.tensor(np.stack([voice, voice])), RATE),
        "(list, float rate)": (voice.tolist(), 16000.0),
        "datasets": {"array": voice, "sampling_rate": RATE, "path": None},
        "array.array": array.array("f", voice.tolist()),
        "big-endian": voice.astype(">f4"),
        "read-only memory map": _memory_map(path, voice),
        "tensor with a gradient": torch.tensor(voice, requires_grad=True) * 1,
        "sparse tensor": torch.tensor(voice).to_sparse(),
        "masked array, nothing masked": np.ma.masked_array(voice, mask=np.zeros(RATE, bool)),
        "soundfile.SoundFile": soundfile.SoundFile(path),
        "torchcodec": AudioDecoder(voice),
        "datasets, a path": {"array": None, "path": str(path), "sampling_rate": RATE},
        "datasets, bytes": {"bytes": content, "path": None},
        "pyannote": {"waveform": torch.tensor(voice)[None], "sample_rate": RATE},
    }
    for name, audio in inputs.items():
        np.testing.assert_allclose(load_waveform(audio, RATE, RATE), 32768 * voice, rtol=1e-6, atol=1e-3, err_msg=name)
    with open(path, "rb") as file:
        np.testing.assert_allclose(load_waveform(file, RATE, RATE), 32768 * voice, rtol=1e-6, atol=1e-3)


class AudioDecoder:
    """What of torchcodec's class is used."""

    def __init__(self, voice: np.ndarray) -> None:
        self.voice = voice

    def get_all_samples(self) -> SimpleNamespace:
        return SimpleNamespace(data=torch.tensor(self.voice)[None], sample_rate=RATE)


def _memory_map(beside: Path, voice: np.ndarray) -> np.ndarray:
    path = beside.with_suffix(".npy")
    np.save(path, voice)
    return np.load(path, mmap_mode="r")


def test_big_endian_integers(voice: np.ndarray) -> None:
    whole = np.rint(20000 * voice)
    for kind in (">i2", "<i2"):
        np.testing.assert_array_equal(load_waveform(whole.astype(kind), RATE, RATE), whole)


def test_a_file_object_is_one_recording(model, path: Path) -> None:
    """Files are iterators, but not over recordings."""
    expected = model.embed(path, on_no_speech="keep")
    with open(path, "rb") as file:
        for audio in (file, io.BytesIO(path.read_bytes()), soundfile.SoundFile(path)):
            np.testing.assert_allclose(model.embed(audio, on_no_speech="keep"), expected, atol=1e-5)


@pytest.mark.parametrize("count", [2, 8])
def test_an_array_that_may_be_channels_or_recordings_is_refused_with_both(voice: np.ndarray, count: int) -> None:
    rows = np.stack([voice] * count)
    for samples in (rows, torch.tensor(rows), rows.tolist()):
        with pytest.raises(InputError, match=rf"\[{count}, 16000\] may be {count} channels .* or {count} recordings"):
            load_waveform(samples, RATE, RATE)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        ("", "a file is needed"),
        ("https://example.com/a.wav", "a URL, which embed.. does not fetch"),
        ("file:///a.wav", "a URL"),
        (".", "a file is needed"),
        (Path("/"), "a file is needed"),
        (COMMAND, "a command, which embed.. never runs"),
        (COMMAND + " ", "a command, which embed.. never runs"),
        (b"", "bytes: is empty"),
        (b"not audio" * 10, r"^bytes: "),
        (io.BytesIO(), "file object: is empty"),
        (io.StringIO("text"), "opened as text"),
        (None, "cannot be of the type NoneType"),
        (3.5, "cannot be of the type float"),
        (True, "cannot be of the type bool"),
        (object(), "cannot be of the type object"),
        ({"a": 1}, "a mapping with the keys a"),
        ([], "there are none"),
        ([[0.1] * 500, [0.1] * 400], "not numbers of one depth"),
        (["a.wav", "b.wav"], "not numbers"),
        (["x"] * 100_000, "not numbers"),
        ([None] * 100_000, "not numbers"),
        ([0, 1] * 8000, "samples of type int64"),
        (np.zeros(16000, bool), "not numbers"),
        (np.zeros(16000, complex), "not numbers"),
        (np.zeros(16000, np.int8), "samples of type int8"),
        (np.zeros(16000, np.uint16), "samples of type uint16"),
        (np.ma.masked_array(np.zeros(16000), mask=np.arange(16000) < 9), "9 samples are masked"),
        (torch.empty(16000, device="meta"), "not numbers"),
        (torch.zeros(16000, dtype=torch.complex64), "not numbers"),
        (torch.quantize_per_tensor(torch.zeros(16000), 0.1, 0, torch.qint8), "not numbers"),
        (range(16000), "cannot be of the type range"),
        ({"array": np.zeros(16000), "sampling_rate": "16000"}, "sample_rate is '16000'"),
        ({"array": np.zeros(16000), "path": "a.wav"}, "sampling_rate are needed"),
        (np.array([object()] * 3), "not numbers"),
        (np.zeros((80, 300)), "neither axis is time"),
        (np.zeros((300, 80)), "neither axis is time"),
        (np.zeros((4, 4)), "neither axis is time"),
        (np.zeros((0, 2)), "there are none"),
        (np.zeros((2, 3, 16000)), "have the shape"),
        ((np.zeros(16000), 0), "sample_rate is 0"),
        ((np.zeros(16000), -16000), "sample_rate is -16000"),
        ((np.zeros(16000), 44100.5), "sample_rate is 44100.5"),
        ((np.zeros(16000), float("nan")), "sample_rate is nan"),
        ((np.zeros(16000), 10**12), "sample_rate is 10000"),
        ((1, 2), "samples of type int64"),
    ],
)
def test_what_cannot_be_meant_is_one_short_line(audio: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        load_waveform(audio, RATE, RATE)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("rate", [0, -1, None, "16000", True, float("inf"), [16000]])
def test_odd_rates_are_refused(voice: np.ndarray, rate: Any) -> None:
    with pytest.raises(InputError, match="sample_rate is"):
        load_waveform(voice, rate, RATE)


def test_a_name_with_a_bar_runs_nothing(tmp_path: Path, model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls = (model.embed, model.waveform, lambda n: model.similarity(n, n), lambda n: model.embed_batch([n]))
    for call in calls:
        with pytest.raises(InputError, match="never runs"):
            call(COMMAND)
    assert not (tmp_path / "RAN").exists()


def test_antiphase_channels_are_refused(voice: np.ndarray, model) -> None:
    with pytest.raises(InputError, match="2 channels cancel each other"):
        model.embed(np.stack([voice, -voice], axis=1))


def test_similarity_of_rows_is_that_of_recordings(model, voice: np.ndarray) -> None:
    other = (0.1 * np.random.default_rng(1).standard_normal(RATE).cumsum() % 1 - 0.5).astype(np.float32)
    expected = model.similarity(voice, other)
    assert expected < 0.999
    assert model.similarity(voice[None], other[None]) == pytest.approx(expected, abs=1e-6)
    assert model.similarity(voice[:, None], torch.tensor(other)[None]) == pytest.approx(expected, abs=1e-6)
    a, b = model.embed_batch([voice]), model.embed_batch([other])
    assert a.shape == (1, model.embed_dim)
    assert model.similarity(a, b) == pytest.approx(expected, abs=1e-5)
    assert model.similarity(a[0], other) == pytest.approx(expected, abs=1e-5)
    assert model.similarity(b[0].tolist(), voice) == pytest.approx(expected, abs=1e-5)
    assert model.similarity(a, a) == pytest.approx(1.0)
    assert -1.0 <= model.similarity(a, -3 * a) <= model.similarity(7 * a, a) <= 1.0
    for bad in (0 * a, a * np.nan):
        with pytest.raises(InputError, match="it has no cosine"):
            model.similarity(bad, a)


def test_batches(model, voice: np.ndarray) -> None:
    rows = np.stack([voice, voice[::-1]])
    expected = np.stack([model.embed(row) for row in rows])
    for batch in (rows, torch.tensor(rows.copy()), list(rows), iter(rows), (row for row in rows)):
        np.testing.assert_allclose(model.embed_batch(batch), expected, atol=1e-6)
    nothing: list[Any] = [[], np.zeros((0, 16000)), iter([])]
    for empty in nothing:
        with pytest.raises(InputError, match="an empty batch"):
            model.embed_batch(empty)
    for single in ("v.wav", b"RIFF", voice, torch.tensor(voice), io.BytesIO(b"RIFF")):
        with pytest.raises(InputError, match="single recording"):
            model.embed_batch(single)
    with pytest.raises(InputError, match="a batch cannot be a int"):
        model.embed_batch(3)
    with pytest.raises(InputError, match=r"^recording 1 of the batch: no\.wav: "):
        model.embed_batch([voice, "no.wav"])
