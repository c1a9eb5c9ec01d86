"""WAV headers as recorders really write them, from chunks made by hand."""

import struct
from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.audio import AudioError, audio_info, check_audio, read_audio
from speakerssl.data.riff import inspect_wav

SAMPLES = (np.sin(np.arange(16000) * 0.05) * 8000).astype("<i2")


def chunk(name: bytes, content: bytes, size: int | None = None, pad: bool = True) -> bytes:
    length = struct.pack("<I", len(content) if size is None else size)
    return name + length + content + (b"\0" if pad and len(content) % 2 else b"")


def form(tag: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16) -> bytes:
    bytes_a_second = rate * channels * bits // 8 % 2**32
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, bytes_a_second, channels * bits // 8, bits))


def write(path: Path, *chunks: bytes, head: bytes = b"RIFF", size: int = 9999) -> Path:
    path.write_bytes(head + struct.pack("<I", size) + b"WAVE" + b"".join(chunks))
    return path


@pytest.mark.parametrize("size", [0, 16000, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 2**32 - 36])
def test_a_size_that_was_never_filled_in(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav", form(), chunk(b"data", SAMPLES.tobytes(), size))
    assert check_audio(path) == (16000, 16000)
    np.testing.assert_array_equal(read_audio(path), SAMPLES)
    np.testing.assert_array_equal(read_audio(path, 0.5, 0.25), SAMPLES[8000:12000])


@pytest.mark.parametrize(
    "chunks",
    [
        (chunk(b"LIST", b"INFOICMT\x05\0\0\0hello"), form(), chunk(b"data", SAMPLES.tobytes())),
        (form(), chunk(b"data", SAMPLES.tobytes()), chunk(b"LIST", b"INFO" + b"x" * 40000)),
        (form(), chunk(b"data", SAMPLES.tobytes()), b"\0" * 60000),
        (form(), chunk(b"data", SAMPLES.tobytes()), b"TAG" + b"title".ljust(125)),
    ],
    ids=["odd chunk before", "large chunk behind", "zeros behind", "ID3v1 behind"],
)
def test_other_chunks_are_no_samples(tmp_path: Path, chunks: tuple[bytes, ...]) -> None:
    np.testing.assert_array_equal(read_audio(write(tmp_path / "a.wav", *chunks)), SAMPLES)


@pytest.mark.parametrize(("head", "order"), [(b"RIFF", "<"), (b"RIFX", ">")])
def test_half_of_the_samples(tmp_path: Path, head: bytes, order: str) -> None:
    parts = struct.pack(f"{order}4sIHHIIHH", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16) + struct.pack(
        f"{order}4sI", b"data", 32000
    )
    whole = head + struct.pack(f"{order}I", 32036) + b"WAVE" + parts + SAMPLES.astype(f"{order}i2").tobytes()
    (tmp_path / "a.wav").write_bytes(whole)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav"), SAMPLES)
    (tmp_path / "a.wav").write_bytes(whole[:-16000])
    with pytest.raises(AudioError, match="is truncated: 16000 of 32000 bytes of samples are there"):
        audio_info(tmp_path / "a.wav")


@pytest.mark.parametrize("head", [b"RF64", b"BW64"])
def test_64_bit_sizes(tmp_path: Path, head: bytes) -> None:
    sizes = chunk(b"ds64", struct.pack("<QQQI", 32080, 32000, 16000, 0))
    data = b"data\xff\xff\xff\xff"
    path = write(tmp_path / "a.wav", sizes, form(), data + SAMPLES.tobytes(), head=head, size=0xFFFFFFFF)
    np.testing.assert_array_equal(read_audio(path), SAMPLES)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AudioError, match="is truncated: 31900 of 32000"):
        audio_info(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (form(rate=0), "its header says 1 channels at 0 Hz"),
        (form(channels=0), "its header says 0 channels at 16000 Hz"),
        (form(rate=1), "its header says 1 Hz, which no recording has"),
        (form(rate=2000000011), "its header says 2000000011 Hz, which no recording has"),
    ],
)
def test_impossible_headers(tmp_path: Path, header: bytes, message: str) -> None:
    path = write(tmp_path / "a.wav", header, chunk(b"data", SAMPLES.tobytes()))
    for function in (read_audio, check_audio):
        with pytest.raises(AudioError, match=message):
            function(path)


def test_a_file_without_samples(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is truncated: it has no samples"):
        audio_info(write(tmp_path / "a.wav", form()))


def test_formats_that_libsndfile_fails_on_are_not_its_own(tmp_path: Path) -> None:
    for tag, foreign in ((1, False), (0x31, True), (0x55, True), (0xFFFE, False)):
        path = write(tmp_path / "a.wav", form(tag), chunk(b"data", SAMPLES.tobytes()))
        with open(path, "rb") as stream:
            assert inspect_wav(stream, 0, path.stat().st_size).for_libav is foreign


def test_samples_in_several_chunks_are_refused(tmp_path: Path) -> None:
    half = SAMPLES.tobytes()[:16000]
    path = write(tmp_path / "a.wav", form(), chunk(b"data", half), chunk(b"data", half))
    with pytest.raises(AudioError, match=r"a\.wav: has its samples in several chunks"):
        check_audio(path)
