"""Whether a file is whole and its header true, by the bytes that tell, for every container that has them."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data import truncation
from speakerssl.data.audio import AudioError, check_audio, read_audio
from speakerssl.data.truncation import inspect

KINDS = [
    ("WAV", "PCM_16"), ("WAV", "ULAW"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "ULAW"),
    ("AU", "PCM_16"), ("NIST", "PCM_16"), ("CAF", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16"),
    ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip


@pytest.fixture
def write(tmp_path: Path, voice):
    def writer(kind: str, subtype: str, seconds: float = 3.0) -> Path:
        path = tmp_path / f"a.{kind.lower()}"
        soundfile.write(path, voice(seconds), 16000, format=kind, subtype=subtype)
        return path

    return writer


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize("kept", [0.97, 0.5])
def test_a_recording_that_lost_its_end_is_named(write, kind: str, subtype: str, kept: float) -> None:
    path = write(kind, subtype)
    assert check_audio(path) == (48000, 16000)
    content = path.read_bytes()
    path.write_bytes(content[: round(kept * len(content))])
    for function in (check_audio, read_audio):
        with pytest.raises(AudioError, match=r"truncated|malformed|ends before"):
            function(path)


@pytest.mark.parametrize(("kind", "subtype"), KINDS[:9])
def test_the_same_holds_in_a_pipe(write, pipes, kind: str, subtype: str) -> None:
    path = write(kind, subtype)
    assert check_audio(f"cat {path} |") == (48000, 16000)
    with pytest.raises(AudioError, match=r"truncated|malformed"):
        check_audio(f"head -c {path.stat().st_size // 2} {path} |")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_is_whole_until_a_byte_is_missing(write, subtype: str) -> None:
    content = write("OGG", subtype).read_bytes()
    assert inspect(io.BytesIO(content)).problem == ""
    for missing in (1, 5, 100, len(content) // 2, len(content) - 30):
        assert inspect(io.BytesIO(content[:-missing])).problem == "is truncated: it ends within a page", missing


@pytest.mark.parametrize(
    ("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")]
)
def test_joined_recordings_are_read_as_one(write, kind: str, subtype: str) -> None:
    path = write(kind, subtype)
    once = read_audio(path)
    path.write_bytes(2 * path.read_bytes())
    assert check_audio(path) == (96000, 16000)
    np.testing.assert_array_equal(read_audio(path), np.concatenate([once, once]))
    np.testing.assert_allclose(read_audio(path, 2.5, 1.0)[8000:], once[:8000], atol=1)
    np.testing.assert_allclose(read_audio(path, 4.0, 1.0), once[16000:32000], atol=1)


def test_a_stretch_within_a_small_flac_needs_no_look_for_joints(write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops of training are such: the look takes a fifteenth of the time in which a pair of them is made."""
    path, looks = write("FLAC", "PCM_16"), []
    monkeypatch.setattr(truncation, "_parts", lambda *_: looks.append(1) or (0,))
    assert len(read_audio(path, 0.5, 2.0)) == 32000
    assert not looks
    assert len(read_audio(path, 0.5)) == 40000
    assert looks


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "VORBIS"), ("FLAC", "PCM_16")])
def test_joints_of_large_files_are_found_when_they_are_read(write, kind: str, subtype: str) -> None:
    path = write(kind, subtype, seconds=30.0)
    once, content = read_audio(path), path.read_bytes()
    path.write_bytes(4 * content)
    assert path.stat().st_size > 256 << 10
    assert check_audio(path, full=kind == "FLAC") == (1920000, 16000)
    assert len(read_audio(path)) == 1920000
    np.testing.assert_allclose(read_audio(path, 31.0, 1.0), once[16000:32000], atol=1)


def test_joined_recordings_of_different_rates_are_refused(tmp_path: Path, voice) -> None:
    content = b""
    for rate in (16000, 8000):
        soundfile.write(tmp_path / "part.flac", voice(1.0, rate), rate)
        content += (tmp_path / "part.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.flac: is 2 recordings joined, of different rates or channels; split it"):
        check_audio(tmp_path / "a.flac")


def test_flac_of_unknown_length(write) -> None:
    path = write("FLAC", "PCM_16")
    once, content = read_audio(path), bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert check_audio(path) == (48000, 16000)
    np.testing.assert_array_equal(read_audio(path), once)
    np.testing.assert_array_equal(read_audio(path, 1.0, 1.0), once[16000:32000])


@pytest.mark.parametrize("kind", ["AU", "NIST", "AIFF", "W64"])
def test_a_stated_length_that_is_too_small_is_not_believed(write, kind: str) -> None:
    path = write(kind, "PCM_16")
    once, content = read_audio(path), bytearray(path.read_bytes())
    if kind == "AU":
        content[8:12] = (8000).to_bytes(4, "big")
    elif kind == "NIST":
        content = bytearray(bytes(content).replace(b"sample_count -i 48000", b"sample_count -i 4000 "))
    elif kind == "AIFF":
        at = content.index(b"SSND")
        content[at + 4 : at + 8] = (8008).to_bytes(4, "big")
    else:
        at = content.index(b"data\xf3\xac") + 16
        content[at : at + 8] = (8024).to_bytes(8, "little")
    path.write_bytes(content)
    assert check_audio(path) == (48000, 16000)
    np.testing.assert_array_equal(read_audio(path), once)


def test_compressed_sphere_names_the_program_that_reads_it(tmp_path: Path) -> None:
    header = b"NIST_1A\n   1024\nsample_count -i 10\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    (tmp_path / "a.sph").write_bytes(header.ljust(1024) + b"ajkg" * 100)
    with pytest.raises(AudioError, match=r"a\.sph: is compressed .*sph2pipe -f wav FILE \|"):
        read_audio(tmp_path / "a.sph")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize(
    "behind",
    [b"TAG" + bytes(125), b"APETAGEX" + bytes(300), bytes(1 << 20), b"\n<html>404</html>", b"\x5a" * 200_000, b"Og!"],
    ids=["ID3v1", "APE", "zeros", "text", "200 kB", "3 bytes"],
)
def test_what_is_no_page_behind_ogg_is_no_truncation(write, subtype: str, behind: bytes) -> None:
    path = write("OGG", subtype)
    once = read_audio(path)
    content = path.read_bytes()
    path.write_bytes(content + behind)
    assert check_audio(path) == (48000, 16000)
    np.testing.assert_array_equal(read_audio(path), once)
    path.write_bytes(content[:-20] + behind)
    with pytest.raises(AudioError):
        read_audio(path)
    for begun in (b"O", b"Ogg", content[:20]):
        assert inspect(io.BytesIO(content + begun)).problem == "is truncated: it ends within a page"


def test_flac_in_ogg_joined(write_av, voice, tmp_path: Path) -> None:
    paths = [write_av(f"{seed}.oga", voice(2.0, seed=seed), "flac", "ogg") for seed in range(2)]
    (tmp_path / "a.oga").write_bytes(b"".join(path.read_bytes() for path in paths))
    assert check_audio(tmp_path / "a.oga") == (64000, 16000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.oga"), np.concatenate([voice(2.0), voice(2.0, seed=1)]))
