"""From a source to the decoder that its content asks for."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.audio import AudioError, audio_info, read_audio
from speakerssl.data.sndfile import DecodeError
from speakerssl.data.source import mp4_length, open_decoder, read_layout, run_command


@pytest.fixture
def write(tmp_path: Path):
    def writer(name: str, samples: np.ndarray, rate: int = 16000, **options: str | None) -> Path:
        soundfile.write(tmp_path / name, samples, rate, **options)
        return tmp_path / name

    return writer


def speech(seconds: float = 1.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    tones = sum(np.sin(2 * np.pi * f * time + p) / 6 for f, p in zip((150, 300, 700, 1900), rng.random(4)))
    return (np.clip(tones + 0.003 * rng.standard_normal(len(time)), -1, 1) * 20000).astype(np.int16)


def test_pipes_are_run_by_the_shell(write, pipes) -> None:
    samples = speech()
    path = write("a.wav", samples)
    np.testing.assert_array_equal(read_audio(f"cat {path} | cat |"), samples)
    np.testing.assert_array_equal(read_audio(f"cat {path} |", 0.25, 0.5), samples[4000:12000])
    assert audio_info(f"cat {path} |") == (16000, 16000)


@pytest.mark.parametrize("command", ["false |", "false | cat |", "true |", "cat /nowhere.wav | cat |"])
def test_a_pipe_that_fails_names_its_line(pipes, command: str) -> None:
    with pytest.raises(AudioError, match=r"^wav\.scp:7: .*the command (failed|wrote nothing)"):
        read_audio(command, where="wav.scp:7")


def decoder_of(path: Path, scan: bool = False) -> str:
    said: list[str] = []
    decoder = open_decoder(str(path), read_layout(str(path), scan), said.append)
    return type(decoder).__name__


def test_the_content_chooses_the_decoder(tmp_path: Path, voice, write_av) -> None:
    soundfile.write(tmp_path / "a.wav", voice(0.5), 16000)
    assert decoder_of(tmp_path / "a.wav") == "SndfileDecoder"
    path = write_av("a.m4a", voice(0.5), "aac", "mp4")
    renamed = path.rename(tmp_path / "b.wav")  # the suffix says nothing
    assert decoder_of(renamed) == "AvDecoder"
    with pytest.raises(DecodeError, match="is truncated: its last box is not whole"):
        mp4_length(str(tmp_path / "a.wav"))
    frames, rate = mp4_length(str(renamed)) or (0, 0)
    assert rate == 16000
    assert frames == pytest.approx(8000, abs=2048)


def test_joined_recordings_get_a_decoder_each(tmp_path: Path, voice) -> None:
    soundfile.write(tmp_path / "a.flac", voice(0.5), 16000)
    (tmp_path / "two.flac").write_bytes(2 * (tmp_path / "a.flac").read_bytes())
    assert decoder_of(tmp_path / "two.flac", scan=True) == "JoinedDecoder"


def test_what_is_no_file_of_audio_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    for name, reason in ((".", "is a folder"), ("empty", "is empty"), ("fifo", "named pipe")):
        with pytest.raises(DecodeError, match=reason):
            read_layout(str(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        read_layout(str(tmp_path / "none"))


def test_a_command_gives_a_file_and_its_last_words(pipes) -> None:
    file, remark = run_command("echo sound; echo careful >&2 |")
    assert file.read() == b"sound\n"
    assert remark == "careful"
    with pytest.raises(DecodeError, match="status 3"):
        run_command("exit 3 |")
