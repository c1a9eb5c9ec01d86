"""Opened recordings: channels, several stretches, and reasons that name the file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import check_audio, read_audio
from speakerssl.data.recording import AudioError, Recording


@pytest.fixture
def stereo(tmp_path: Path, voice) -> Path:
    soundfile.write(tmp_path / "st.wav", np.stack([voice(1.0, seed=1), voice(1.0, seed=2)], axis=1), 16000)
    return tmp_path / "st.wav"


def test_one_channel_or_the_mean_of_all(stereo: Path, voice) -> None:
    with Recording(stereo) as recording:
        assert recording.channels == 2
        np.testing.assert_array_equal(recording.read(channel=0), voice(1.0, seed=1))
        np.testing.assert_array_equal(recording.read(0.25, 0.5, channel=1), voice(1.0, seed=2)[4000:12000])
        mean = (voice(1.0, seed=1).astype(float) + voice(1.0, seed=2)) / 2
        np.testing.assert_allclose(recording.read(), mean, atol=0.01)
        with pytest.raises(AudioError, match=r"st\.wav: has no channel 2: it has 2, counted from 0"):
            recording.read(channel=2)


def test_stretches_in_any_order_are_those_of_a_fresh_reader(tmp_path: Path, write_av, voice) -> None:
    soundfile.write(tmp_path / "a.flac", voice(3.0), 16000)
    soundfile.write(tmp_path / "a.wav", voice(3.0, 8000), 8000)
    live = write_av("a.webm", voice(3.0), "libopus", "webm", codec_rate=48000, live="1")
    for path in (tmp_path / "a.flac", tmp_path / "a.wav", live):
        with Recording(path) as recording:
            for start, duration in ((2.0, 0.5), (0.0, 1.0), (1.5, 1.5), (0.0, None), (0.1, 0.2)):
                with Recording(path) as fresh:
                    expected = fresh.read(start, duration)
                np.testing.assert_array_equal(recording.read(start, duration), expected)


def test_what_is_no_file_of_audio(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "fifo.wav")
    for name, reason in (
        ("folder.wav", "is a folder"),
        ("fifo.wav", "is a device, socket or named pipe"),
        ("nul\0.wav", "the name holds a NUL character"),
        ("x" * 300 + ".wav", "cannot be read: File name too long"),
    ):
        with pytest.raises(AudioError, match=reason):
            Recording(tmp_path / name)
    with pytest.raises(AudioError, match="is a device"):
        Recording("/dev/zero")
    with pytest.raises(AudioError, match=r"is a folder|No such file"):
        Recording("")


def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    soundfile.write(path, np.ones(1600, np.int16), 16000)
    path.chmod(0)
    code = f"from speakerssl.data.audio import read_audio\nread_audio({str(path)!r})"
    command = [sys.executable, "-c", code]
    if os.getuid() == 0:
        drop = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", *command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs setpriv to give up root's right to read everything")
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine does not let root give up rights")
    assert "AudioError" in done.stderr
    assert f"{path}: cannot be read: Permission denied" in done.stderr


def test_reasons_are_short(tmp_path: Path) -> None:
    path = tmp_path / ("deep/" * 60) / "a.wav"
    with pytest.raises(AudioError) as caught:
        Recording(path, where="data/wav.scp:1")
    assert len(str(caught.value)) <= 300
    assert str(caught.value).startswith("data/wav.scp:1: ")
    assert str(caught.value).endswith("No such file or directory")


KINDS = [
    ("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("NIST", "PCM_16"),
    ("W64", "PCM_16"), ("CAF", "PCM_16"), ("RF64", "PCM_16"), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip


def fuzz(path: Path) -> list[str]:
    """What is said about `path` with bytes changed, cut out and cut off, in the header above all."""
    whole, said = path.read_bytes(), []
    rng = np.random.default_rng(0)
    for turn in range(30):
        content = bytearray(whole)
        place = int(rng.integers(min(len(whole), 200)))
        if turn % 3 == 0:
            content[place : place + 4] = bytes([int(rng.choice([0, 127, 128, 255]))]) * 4
        elif turn % 3 == 1:
            content[place] = int(rng.integers(256))
        else:
            del content[place : place + int(rng.integers(1, len(whole)))]
        path.write_bytes(content)
        for function in (check_audio, lambda file: read_audio(file, 0.1, 0.1)):
            try:
                function(path)
            except AudioError as error:
                said.append(str(error))
    return said


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
def test_whatever_the_bytes_are_the_error_is_declared(tmp_path: Path, voice, kind: str, subtype: str) -> None:
    soundfile.write(tmp_path / "a", voice(0.3), 16000, format=kind, subtype=subtype)
    said = fuzz(tmp_path / "a")
    assert said
    assert max(map(len, said)) <= 300


@pytest.mark.parametrize(("codec", "container"), [("aac", "mp4"), ("flac", "matroska"), ("libmp3lame", "wav")])
def test_the_same_for_ffmpeg_s_containers(write_av, voice, codec: str, container: str) -> None:
    said = fuzz(write_av("a", voice(0.3), codec, container))
    assert said
    assert max(map(len, said)) <= 300
