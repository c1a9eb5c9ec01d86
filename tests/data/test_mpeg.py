"""MP3: lengths where the first frame's tag tells them, and where only decoding does."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import AudioError, check_audio, read_audio
from speakerssl.data.truncation import inspect

TAGLESS = {"write_xing": "0", "id3v2_version": "0"}


@pytest.fixture
def tagged(tmp_path: Path, voice) -> Path:
    soundfile.write(tmp_path / "a.mp3", voice(3.0), 16000)
    return tmp_path / "a.mp3"


def test_a_tag_that_fits_the_file_is_believed(tagged: Path) -> None:
    content = tagged.read_bytes()
    for variant in (content, content + b"TAG".ljust(128), b"ID3\3\0\0\0\0\x07\x68" + bytes(1000) + content):
        assert inspect(io.BytesIO(variant)).trusted
        tagged.write_bytes(variant)
        assert check_audio(tagged) == (48000, 16000)


def test_a_tag_of_more_than_is_there_is_a_truncation(tagged: Path) -> None:
    tagged.write_bytes(tagged.read_bytes()[:-200])
    with pytest.raises(AudioError, match=r"a\.mp3: is truncated: \d+ of \d+ bytes are there"):
        read_audio(tagged)


@pytest.mark.parametrize("behind", [b"", b"ID3\3\0\0\0\0\0\x0a" + bytes(10)])
def test_joined_files_are_read_to_the_last(tagged: Path, behind: bytes) -> None:
    once = read_audio(tagged)
    content = tagged.read_bytes()
    tagged.write_bytes(content + behind + content)
    frames, rate = check_audio(tagged)
    assert 6.0 <= frames / rate <= 6.2  # the delays of the second encoder are heard
    joined = read_audio(tagged)
    assert len(joined) == frames
    assert np.corrcoef(joined[:40000], once[:40000])[0, 1] > 0.99


@pytest.mark.parametrize("order", [(160000, 16000), (16000, 160000)])
def test_variable_bit_rate_without_a_tag(write_av, voice, tmp_path: Path, order: tuple[int, int]) -> None:
    parts = [
        write_av(f"{rate}.mp3", voice(3.0), "libmp3lame", "mp3", bit_rate=rate, **TAGLESS).read_bytes()
        for rate in order
    ]
    path = tmp_path / "vbr.mp3"
    path.write_bytes(b"".join(parts))
    assert not inspect(io.BytesIO(path.read_bytes())).trusted
    frames, rate = check_audio(path)
    assert 6.0 <= frames / rate <= 6.3
    assert len(read_audio(path)) == frames


def test_nothing_is_written_to_standard_error(tagged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    check_audio(tagged)
    read_audio(tagged, 1.0, 1.0)
    assert capfd.readouterr().err == ""


def test_damage_is_named_with_the_file(tagged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(tagged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = np.random.default_rng(0).integers(0, 255, 2000, np.uint8).tobytes()
    tagged.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.mp3: cannot be decoded \(truncated or damaged\): .*error"):
        read_audio(tagged)
    assert capfd.readouterr().err == ""
