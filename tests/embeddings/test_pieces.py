"""Files in pieces: they join to the whole, silence is found across them, and only long files are taken apart."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import AudioError
from speakerssl.data.utterance import Utterance
from speakerssl.embeddings import pieces
from speakerssl.embeddings.pieces import checked_pieces, long_file, read_pieces, utterance_name

RATE = 16000


@pytest.mark.parametrize("rate", [16000, 44100, 8000])
def test_pieces_of_a_file_join_to_the_whole(tmp_path: Path, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 2)
    voice = 2000 * np.random.default_rng(0).standard_normal(10 * RATE)
    soundfile.write(tmp_path / "a.flac", voice.astype(np.int16), rate)
    utterance = Utterance("a", str(tmp_path / "a.flac"))
    whole = utterance.read()
    joined = np.concatenate(list(read_pieces(utterance, utterance.duration(), RATE)))
    assert len(joined) == len(whole)
    np.testing.assert_allclose(joined, whole, atol=0.0 if rate == RATE else 2.0)


def test_silence_is_found_in_pieces() -> None:
    silent, loud = np.zeros(RATE, np.float32), 9000 * np.random.default_rng(0).standard_normal(RATE)
    assert len(list(checked_pieces([silent, loud, silent], RATE, "a", "error"))) == 3
    with pytest.raises(AudioError, match="a: no speech"):
        list(checked_pieces([silent, silent], RATE, "a", "error"))
    assert len(list(checked_pieces([silent, silent], RATE, "a", "keep"))) == 2


def test_only_long_files_are_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", np.arange(3 * RATE, dtype=np.int16), RATE)
    monkeypatch.setattr(pieces, "STREAM_SECONDS", 2.0)
    assert long_file(tmp_path / "a.wav") is None  # too small a file to be looked into
    monkeypatch.setattr(pieces, "SMALL_FILE", 0)
    utterance, seconds = long_file(tmp_path / "a.wav")
    assert (utterance.source, seconds) == (str(tmp_path / "a.wav"), 3.0)
    for other in (b"bytes", np.ones(5), "cat a.wav |", tmp_path, tmp_path / "none.wav"):
        assert long_file(other) is None
    monkeypatch.setattr(pieces, "STREAM_SECONDS", 4.0)
    assert long_file(tmp_path / "a.wav") is None


def test_the_name_of_an_utterance_in_messages() -> None:
    assert utterance_name(Utterance("a", "a.wav")) == "a"
    assert utterance_name(Utterance("a", "a.wav", origin="wav.scp", line=3)) == "wav.scp:3: a.wav"
