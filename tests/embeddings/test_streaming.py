"""Streams: what is due when it is due, however the samples come, in constant memory."""

import io
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.streaming import StreamEmbedder, open_growing, read_stream
from speakerssl.errors import InputError

RATE = 16000


@pytest.fixture(scope="module")
def model(model_dir: Path):
    return load_model(model_dir)


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    rng = np.random.default_rng(0)
    envelope = np.repeat(rng.uniform(300, 3000, 5 * 20), RATE // 20)
    return np.concatenate([envelope * rng.standard_normal(5 * RATE), np.zeros(3 * RATE)]).round().astype(np.float32)


@pytest.mark.parametrize("block", [1600, 7001, 10**6])
def test_an_embedding_of_the_last_seconds_every_second(model, wave: np.ndarray, block: int) -> None:
    embedder = StreamEmbedder(model, RATE, window=2.0, every=1.0)
    found = [one for start in range(0, len(wave), block) for one in embedder.feed(wave[start : start + block])]
    assert [(one.begin, one.end) for one in found] == [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7), (6, 8)]
    for one in found[:6]:
        expected = model.embed(wave[round(one.begin * RATE) : round(one.end * RATE)] / 32768)
        np.testing.assert_allclose(one.embedding, expected, atol=1e-5)
    assert [one.embedding is None for one in found[6:]] == [True, True]
    assert "silent" in found[-1].reason
    assert len(embedder._buffer) == 2 * RATE  # whatever has come


def test_another_rate_is_resampled(model, wave: np.ndarray) -> None:
    found = list(StreamEmbedder(model, 8000, window=1.0).feed(wave[: 2 * RATE : 2]))
    assert [one.end for one in found] == [1.0, 2.0]
    assert found[0].embedding.shape == (model.embed_dim,)


@pytest.mark.parametrize(
    ("name", "kind", "scale"), [("s16le", "<i2", 1), ("s32le", "<i4", 65536), ("f32le", "<f4", 1 / 32768)]
)
def test_raw_samples_of_every_format(name: str, kind: str, scale: float, wave: np.ndarray) -> None:
    stereo = np.stack([wave, np.zeros_like(wave)], axis=1) * scale
    file = io.BytesIO(stereo.astype(kind).tobytes()[:-1])  # breaks off inside a sample
    read = np.concatenate(list(read_stream(file, name, 2, RATE)))
    np.testing.assert_allclose(read, wave[:-1] / 2, atol=1e-2)


def test_a_growing_file_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "growing.pcm"
    path.write_bytes(np.arange(1600, dtype="<i2").tobytes())
    with open_growing(str(path)) as file:
        stream = read_stream(file, "s16le", 1, RATE, idle_seconds=0.2)
        assert len(next(stream)) == 1600
        with open(path, "ab") as more:
            more.write(np.full(800, 7, "<i2").tobytes())
        np.testing.assert_array_equal(next(stream), np.full(800, 7, np.float32))
        assert list(stream) == []


def test_mistakes_are_one_line(model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"every is at least 0.1"):
        StreamEmbedder(model, RATE, window=1.0, every=2.0)
    with pytest.raises(InputError, match="sample_rate is 5"):
        StreamEmbedder(model, 5)
    with pytest.raises(InputError, match="formats are s16le, s32le, f32le"):
        list(read_stream(io.BytesIO(b""), "mp3", 1, RATE))
    with pytest.raises(InputError, match="does not exist; raw samples"):
        open_growing(str(tmp_path / "none"))
