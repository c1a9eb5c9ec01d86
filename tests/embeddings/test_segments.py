"""Windows of a recording, with their times."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.embeddings import pieces
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.segments import window_starts
from speakerssl.errors import InputError

RATE = 16000


@pytest.fixture(scope="module")
def model(model_dir: Path):
    return load_model(model_dir)


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """Speech-like noise from 1 to 5 s and from 7 to 8 s of ten seconds, floats in [-1, 1]."""
    rng = np.random.default_rng(0)
    wave = 1e-4 * rng.standard_normal(10 * RATE)
    for begin, end in ((1, 5), (7, 8)):
        envelope = np.repeat(rng.uniform(0.02, 0.1, 20 * (end - begin)), RATE // 20)
        wave[begin * RATE : end * RATE] += envelope * rng.standard_normal((end - begin) * RATE)
    return wave.astype(np.float32)


def test_each_window_is_the_embedding_of_its_stretch(model, wave: np.ndarray) -> None:
    found = model.embed_segments(wave, window=2.0, step=1.0)
    assert len(found) == len(found.embeddings) == len(found.times) >= 4
    assert (np.diff(found.times[:, 0]) > 0).all()
    assert (np.diff(found.times, axis=1) <= 2.0 + 1e-9).all()
    for (begin, end), vector in zip(found.times, found.embeddings):
        stretch = wave[round(begin * RATE) : round(end * RATE)]
        np.testing.assert_allclose(vector, model.embed(stretch), atol=1e-5)
        assert (begin > 0.8 and end < 5.2) or (begin > 6.8 and end < 8.2)


def test_without_vad_windows_cover_all(model, wave: np.ndarray) -> None:
    found = model.embed_segments(wave[RATE : 5 * RATE], window=1.5, step=0.5, vad="none")
    np.testing.assert_allclose(found.times[:, 0], [0, 0.5, 1.0, 1.5, 2.0, 2.5], atol=1e-9)
    np.testing.assert_allclose(found.times[:, 1], found.times[:, 0] + 1.5)


def test_a_long_file_in_pieces_has_the_same_windows_up_to_the_edges(model, wave, tmp_path, monkeypatch) -> None:
    soundfile.write(tmp_path / "long.wav", wave, RATE)
    whole = model.embed_segments(tmp_path / "long.wav", 1.0, 0.5)
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 6)
    monkeypatch.setattr(pieces, "SMALL_FILE", 0)
    monkeypatch.setattr(pieces, "STREAM_SECONDS", 5.0)
    found = model.embed_segments(tmp_path / "long.wav", 1.0, 0.5)
    np.testing.assert_allclose(found.times, whole.times, atol=0.06)
    assert (np.sum(found.embeddings * whole.embeddings, axis=1) > 0.9).all()


def test_windows_end_with_their_stretch() -> None:
    assert window_starts(2.0, 2.5, 1.0, 0.5) == [2.0]
    assert window_starts(0.0, 3.0, 1.0, 1.0) == [0.0, 1.0, 2.0]
    assert window_starts(0.0, 3.6, 1.0, 1.0) == [0.0, 1.0, 2.0, 2.6]
    assert window_starts(0.0, 3.1, 1.0, 1.0) == [0.0, 1.0, 2.0]  # a tenth of a step more is no window of its own


def test_silence_has_no_windows_and_mistakes_are_named(model) -> None:
    assert model.embed_segments(np.zeros(2 * RATE, np.float32)).embeddings.shape == (0, model.embed_dim)
    with pytest.raises(InputError, match=r"at least 0.4 and above 0"):
        model.embed_segments(np.zeros(RATE, np.float32), window=0.1)
    with pytest.raises(InputError, match=r"at least 0.4 and above 0"):
        model.embed_segments(np.zeros(RATE, np.float32), step=0)
    with pytest.raises(InputError, match="vad is 'x'"):
        model.embed_segments(np.zeros(RATE, np.float32), vad="x")
