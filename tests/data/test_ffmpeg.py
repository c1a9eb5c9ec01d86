"""What other programs decode: m4a by ffmpeg, with the length from the file's own boxes."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.audio import audio_info, read_audio
from speakerssl.data.ffmpeg import find_ffmpeg, is_pipe, needs_ffmpeg, run_pipe

TONE = Path(__file__).parent / "files" / "tone.m4a"  # 0.6 s of 440 Hz at 16 kHz, amplitude 0.3


def test_what_is_a_pipe_and_what_needs_ffmpeg() -> None:
    assert is_pipe("sph2pipe -f wav a.sph |")
    assert is_pipe("cat a | ")
    assert not is_pipe("a.wav")
    assert needs_ffmpeg("x/00001.M4A")
    assert not needs_ffmpeg("x/00001.wav")


def test_a_failing_command_is_quoted_with_its_last_line() -> None:
    with pytest.raises(ValueError, match=r"status 3\): second$"):
        run_pipe("echo first >&2; echo second >&2; exit 3 |")


@pytest.mark.skipif(find_ffmpeg() is None, reason="needs ffmpeg")
def test_m4a_is_decoded_to_the_sample() -> None:
    whole = read_audio(TONE)
    assert abs(len(whole) - 9600) <= 1024  # the last AAC packet is padded
    tone = 0.3 * 32768 * np.sin(2 * np.pi * 440 * np.arange(9600) / 16000)
    assert np.corrcoef(whole[800:8800], tone[800:8800])[0, 1] > 0.99
    np.testing.assert_array_equal(read_audio(TONE, 0.2, 0.3), whole[3200:8000])


def test_the_package_s_ffmpeg_serves_where_the_system_has_none(monkeypatch) -> None:
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setenv("PATH", "")
    program = find_ffmpeg()
    assert program is not None
    assert Path(program).is_file()
    assert len(read_audio(TONE)) >= 9600


def test_ffmpeg_gets_the_crop_and_its_samples_are_taken(tmp_path: Path, monkeypatch) -> None:
    """A stand-in that writes down its arguments and answers with two samples."""
    answer = np.array([0.5, -0.5], "<f4").tobytes()
    octal = "".join(f"\\{byte:03o}" for byte in answer)
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/arguments\nprintf '{octal}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    np.testing.assert_array_equal(read_audio(TONE, 0.25, 0.125), [16384, -16384])
    assert "atrim=start_pts=4000:end_pts=6000" in (tmp_path / "arguments").read_text()


def test_a_failing_ffmpeg_names_the_file(tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'Invalid data found' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Exception, match=r"tone\.m4a: ffmpeg cannot decode it: Invalid data found"):
        read_audio(TONE)
    assert audio_info(TONE) == (9600, 16000), "the header needs no ffmpeg"
