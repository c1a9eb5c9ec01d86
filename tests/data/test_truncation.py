"""The bytes that tell whether a file is whole."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import read_audio
from speakerssl.data.truncation import states_length, truncation


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_is_whole_until_a_byte_is_missing(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, np.random.default_rng(0).integers(-900, 900, 20000).astype(np.int16), 16000, subtype=subtype)
    assert truncation(path) is None
    content = path.read_bytes()
    for missing in (1, 5, 100, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:-missing])
        assert truncation(path) == "it ends within a page", missing


def test_wav_with_chunks_around_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    form = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", 16) + form
    data = b"data" + struct.pack("<I", 2000) + b"\1\0" * 1000
    path.write_bytes(b"RIFF" + struct.pack("<I", 9999) + b"WAVE" + chunks + data)
    assert truncation(path) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert truncation(path) == "1999 of 2000 bytes of samples are there"
    path.write_bytes(b"RIFF" + struct.pack("<I", 9999) + b"WAVE" + chunks)
    assert truncation(path) == "it has no samples"


def test_wav_from_a_pipe_does_not_know_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    form = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + form
    path.write_bytes(head + b"data" + struct.pack("<I", 0xFFFFFFFF) + b"\1\0" * 1000)
    assert truncation(path) is None
    np.testing.assert_array_equal(read_audio(path), np.ones(1000))


def test_mp3_states_its_length_in_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, np.zeros(16000, np.int16), 16000)
    assert states_length(path)
    path.write_bytes(b"\xff\xf3" + b"\0" * 500)
    assert not states_length(path)
    path.write_bytes(b"RIFF")
    assert states_length(path)
