"""Commands in the place of file names: run only where they may, and their own words are shown."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data import pipes as module
from speakerssl.data.audio import AudioError, check_audio, read_audio
from speakerssl.data.kaldi import DataDir
from speakerssl.data.pipes import allow_pipes, is_pipe, run_pipe
from speakerssl.errors import InputError


def test_what_is_a_pipe() -> None:
    assert is_pipe("sph2pipe -f wav a.sph |")
    assert is_pipe("cat a | ")
    assert not is_pipe("a.wav")


def test_no_command_runs_without_permission(tmp_path: Path) -> None:
    command = f"touch {tmp_path}/ran |"
    with pytest.raises(InputError, match=r"is a command \(touch .*\); commands run only with --allow-pipes"):
        read_audio(command)
    (tmp_path / "wav.scp").write_text(f"a x.wav\nb {command}\n")
    with pytest.raises(InputError, match=r"wav\.scp:2: is a command .*--allow-pipes"):
        DataDir.read(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_permission_never_makes_a_path_a_command(tmp_path: Path, pipes) -> None:
    with pytest.raises(AudioError, match="cannot be read: No such file"):
        read_audio(f"touch {tmp_path}/ran |", pipes=False)
    assert not (tmp_path / "ran").exists()
    soundfile.write(tmp_path / "odd |", np.ones(1600, np.int16), 16000, format="WAV")
    assert len(read_audio(tmp_path / "odd |", pipes=False)) == 1600


def test_permission_can_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.PERMISSION, "1")
    allow_pipes(False)
    with pytest.raises(InputError, match="--allow-pipes"):
        read_audio("true |")


def test_a_failing_command_is_quoted_with_its_last_line() -> None:
    with pytest.raises(ValueError, match=r"status 3\): second$"):
        run_pipe("echo first >&2; echo second >&2; exit 3 |")
    with pytest.raises(ValueError, match=r"wrote nothing: but this"):
        run_pipe("echo but this >&2 |")


def test_a_command_that_writes_no_audio_is_quoted_too(pipes) -> None:
    with pytest.raises(AudioError, match=r"scp:4: .*is not audio .*\(the command says: licence expired\)"):
        check_audio("echo licence expired >&2; echo no audio |", where="scp:4")


def test_a_command_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 3 << 20)
    with pytest.raises(ValueError, match="wrote more than"):
        run_pipe("yes |")


def test_containers_without_a_file(pipes, write_av, voice, tmp_path: Path) -> None:
    for path in (
        write_av("a.m4a", voice(1.0), "aac", "mp4"),
        write_av("a.webm", voice(1.0), "libopus", "webm", codec_rate=48000, live="1"),
    ):
        np.testing.assert_array_equal(read_audio(f"cat {path} |"), read_audio(path))
        np.testing.assert_array_equal(read_audio(f"cat {path} |", 0.25, 0.5), read_audio(path, 0.25, 0.5))


def test_what_a_command_writes_goes_to_disk_beyond_a_limit(pipes, write_av, voice, monkeypatch) -> None:
    path = write_av("a.webm", voice(2.0), "libopus", "webm", codec_rate=48000, live="1")
    whole = read_audio(f"cat {path} |")
    monkeypatch.setattr("speakerssl.data.pipes.IN_MEMORY", 1000)
    assert not isinstance(run_pipe(f"cat {path} |").content, io.BytesIO)
    np.testing.assert_array_equal(read_audio(f"cat {path} |"), whole)
    for name, format_name in (("a.wav", "WAV"), ("a.flac", "FLAC"), ("a.ogg", "OGG"), ("a.mp3", "MP3")):
        soundfile.write(path.with_name(name), voice(1.0), 16000, format=format_name)
        joined = f"cat {path.with_name(name)} {path.with_name(name) if name == 'a.ogg' else ''} |"
        on_disk = read_audio(joined)
        monkeypatch.setattr("speakerssl.data.pipes.IN_MEMORY", 1 << 26)
        np.testing.assert_array_equal(on_disk, read_audio(joined))
        monkeypatch.setattr("speakerssl.data.pipes.IN_MEMORY", 1000)
