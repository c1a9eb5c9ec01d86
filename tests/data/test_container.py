"""Files are what their content says."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import AudioError, check_audio, read_audio
from speakerssl.data.container import identify, skip_id3


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"), (b"RIFX\0\0\0\0WAVE", "wav"), (b"RIFF\0\0\0\0AVI ", ""),
        (b"FORM\0\0\0\0AIFC", "aiff"), (b"\0\0\0\x20ftypM4A ", "mp4"), (b"\xff\xfb\x90\x00", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"), (b"\xff\xff\xff\xff", ""), (b"", ""), (b"hello", ""),
    ],
)  # fmt: skip
def test_beginnings(head: bytes, kind: str) -> None:
    assert identify(head) == kind


def test_tags_before_the_audio_are_passed_over() -> None:
    tags = b"ID3\3\0\0\0\0\x01\x00" + bytes(128) + b"ID3\4\0\0\0\0\0\x02" + bytes(2)
    assert skip_id3(io.BytesIO(tags + b"fLaC"), tags[:64]) == len(tags)
    assert skip_id3(io.BytesIO(b"fLaC"), b"fLaC") == 0


def test_a_wrong_suffix_changes_nothing(write_av, voice, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(1.0), 16000)
    soundfile.write(tmp_path / "a.opus", voice(1.0), 16000, format="OGG", subtype="OPUS")
    soundfile.write(tmp_path / "a.mp3", voice(1.0), 16000)
    m4a = write_av("b.m4a", voice(1.0), "aac", "mp4")
    for source, name in (
        ("a.wav", "x.m4a"), ("a.wav", "x"), ("a.opus", "x.m4a"), ("a.mp3", "x.m4a"), ("a.mp3", "x.wav"),
        (m4a.name, "x.wav"), (m4a.name, "x.flac"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes((tmp_path / source).read_bytes())
        assert check_audio(tmp_path / name) == (16000, 16000), (source, name)


def test_gsm_in_wav(tmp_path: Path, voice) -> None:
    soundfile.write(tmp_path / "a.wav", voice(2.0, 8000), 8000, subtype="GSM610")
    frames, rate = check_audio(tmp_path / "a.wav")
    assert (rate, frames) == (8000, pytest.approx(16000, abs=320))


def test_no_header_makes_a_reader_take_memory_for_it(tmp_path: Path) -> None:
    """AU, CAF and FLAC headers that claim billions of samples in a few bytes."""
    import tracemalloc

    soundfile.write(tmp_path / "a.flac", np.zeros(16000, np.int16), 16000)
    flac = bytearray((tmp_path / "a.flac").read_bytes())
    flac[21] |= 0x0F
    soundfile.write(tmp_path / "a.caf", np.zeros(16000, np.int16), 16000)
    caf = (tmp_path / "a.caf").read_bytes()
    at = caf.index(b"data") + 4
    for name, content in (
        ("x.flac", bytes(flac)),
        ("x.caf", caf[:at] + (2**31 * 2).to_bytes(8, "big") + caf[at + 8 :]),
        ("x.au", b".snd" + b"".join(n.to_bytes(4, "big") for n in (24, 2**31, 3, 16000, 1)) + bytes(2000)),
    ):
        (tmp_path / name).write_bytes(content)
        tracemalloc.start()
        with pytest.raises(AudioError):
            read_audio(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 100e6, name
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.flac", None), ("a.ogg", "VORBIS"), ("a.opus", "OPUS"), ("a.wav", None)]
)
@pytest.mark.parametrize("size", [1000, 20_000, 300_000])
def test_tags_of_any_size_before_the_audio(tmp_path: Path, voice, name: str, subtype: str | None, size: int) -> None:
    """A cover picture in an ID3 tag."""
    path = tmp_path / name
    soundfile.write(path, voice(2.0), 16000, subtype=subtype, format=None if subtype is None else "OGG")
    once = read_audio(path)
    length = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = (b"APIC" + bytes(range(256)) * (size // 256 + 1))[:size]
    path.write_bytes(b"ID3\3\0\0" + length + tag + path.read_bytes())
    assert check_audio(path) == (32000, 16000)
    np.testing.assert_allclose(read_audio(path), once, atol=1)
    np.testing.assert_allclose(read_audio(path, 0.5, 1.0), once[8000:24000], atol=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n", "Git LFS pointer .* `git lfs pull`"),
        (b"\xef\xbb\xbf\n <!DOCTYPE HTML><html>404", "a web page; the download failed"),
        (b"<HTML>", "a web page"),
        (b"PK\x03\x04" + bytes(100), "an archive; unpack it"),
        (b"\x1f\x8b\x08" + bytes(100), "compressed by gzip; unpack it"),
        (b"%PDF-1.4", "is a PDF"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "is a picture"),
        (b"MThd" + bytes(100), "MIDI, which holds notes and no sound"),
        (b"some text", "is not audio that can be read"),
    ],
)
def test_what_is_no_recording_is_called_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match=message):
        read_audio(tmp_path / "a.wav")
