"""MP4 headers against a file that ffmpeg wrote, and against boxes made by hand."""

import struct
from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.audio import check_audio, read_audio
from speakerssl.data.mp4 import AudioTrack, read_mp4

TONE = Path(__file__).parent / "files" / "tone.m4a"


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def track(handler: bytes, timescale: int, duration: int, rate: int, channels: int, wide: bool = False) -> bytes:
    times = struct.pack(">QQIQ", 0, 0, timescale, duration) if wide else struct.pack(">IIII", 0, 0, timescale, duration)
    header = box(b"mdhd", bytes([int(wide), 0, 0, 0]) + times + b"\0" * 4)
    entry = box(b"mp4a", b"\0" * 16 + struct.pack(">HHI", channels, 16, 0) + struct.pack(">I", rate << 16))
    table = box(b"minf", box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1) + entry)))
    return box(b"trak", box(b"mdia", header + box(b"hdlr", b"\0" * 8 + handler + b"\0" * 12) + table))


def test_a_file_that_ffmpeg_wrote() -> None:
    assert read_mp4(TONE) == AudioTrack(9600, 16000, 1)


@pytest.mark.parametrize("wide", [False, True])
def test_the_audio_track_is_found_behind_the_video(tmp_path: Path, wide: bool) -> None:
    movie = box(b"moov", track(b"vide", 25, 100, 0, 0) + track(b"soun", 90000, 180000, 44100, 2, wide))
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + box(b"mdat", b"\0" * 50) + movie)
    assert read_mp4(path) == AudioTrack(88200, 44100, 2)


def test_no_audio_track(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"moov", track(b"vide", 25, 100, 0, 0)))
    with pytest.raises(ValueError, match="no audio track"):
        read_mp4(path)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.97])
def test_truncated_files(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "a.m4a"
    content = TONE.read_bytes()
    path.write_bytes(content[: round(kept * len(content))])
    with pytest.raises(ValueError, match="truncated"):
        read_mp4(path)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s24le", "alac"])
def test_quicktime_has_a_second_handler(write_av, voice, codec: str) -> None:
    path = write_av("a.mov", voice(2.0), codec, "mov")
    assert check_audio(path) == (32000, 16000)
    np.testing.assert_allclose(read_audio(path), voice(2.0), atol=0.5)


def test_a_sound_description_of_the_second_version_tells_nothing(tmp_path: Path) -> None:
    movie = bytearray(box(b"moov", track(b"soun", 48000, 96000, 1, 3)))
    at = movie.index(b"mp4a") + 12
    movie[at : at + 2] = b"\0\2"
    (tmp_path / "a.mov").write_bytes(movie)
    assert read_mp4(tmp_path / "a.mov") is None
