"""Two speakers in two channels are two recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.channels import select_channel, split_channels
from speakerssl.data.checks import validate
from speakerssl.data.folders import read_folder
from speakerssl.data.kaldi import DataDir
from speakerssl.data.prepare import prepare
from speakerssl.errors import InputError


@pytest.fixture
def calls(tmp_path: Path, voice) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    soundfile.write(folder / "mono.wav", voice(1.0, 8000, 3), 8000)
    pair = np.stack([voice(1.0, 8000, 1), voice(1.0, 8000, 2)], axis=1)
    soundfile.write(folder / "call.wav", pair, 8000)
    return folder


def test_each_channel_is_a_recording(calls: Path, tmp_path: Path) -> None:
    done = prepare(split_channels(read_folder(calls)), tmp_path / "out")
    assert (done.recordings, done.failed) == (3, {})
    assert (tmp_path / "out" / "segments").read_text() == (
        "call-0 call 0.000 -1 0\ncall-1 call 0.000 -1 1\nmono mono 0.000 -1\n"
    )
    assert validate(tmp_path / "out") == []
    data = DataDir.read(tmp_path / "out")
    first, second, mono = (utterance.read(sample_rate=8000) for utterance in data.utterances)
    stereo, _ = soundfile.read(calls / "call.wav", dtype="int16")
    np.testing.assert_array_equal(np.stack([first, second], axis=1), stereo)
    assert len(mono) == 8000


def test_a_channel_column_in_segments(calls: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "wav.scp").write_text(f"call {calls}/call.wav\n")
    (folder / "segments").write_text("left call 0 0.5 0\nmean call 0 0.5\nright call 0.5 1 B\nthird call 0 1 2\n")
    data = DataDir.read(folder)
    stereo, _ = soundfile.read(calls / "call.wav", dtype="int16")
    np.testing.assert_array_equal(data.recordings["left"].read(sample_rate=8000), stereo[:4000, 0])
    np.testing.assert_array_equal(data.recordings["right"].read(sample_rate=8000), stereo[4000:, 1])
    assert validate(folder) == [f"{folder}/segments:4: channel 2 of a recording with 2 (the first is 0)"]
    caplog.clear()
    done = prepare(data, tmp_path / "out")
    assert "mixed to mono" not in caplog.text
    assert set(done.failed) == {"third"}
    assert "right call 0.500 1.000 1\n" in (tmp_path / "out" / "segments").read_text()


def test_one_channel_of_all(calls: Path) -> None:
    data = select_channel(read_folder(calls), 0)
    assert sorted(data.recordings) == ["call", "mono"]
    assert len(data.recordings["mono"].read()) == 16000


def test_damaged_recordings_stay_to_be_named(calls: Path, tmp_path: Path) -> None:
    (calls / "bad.wav").write_bytes(b"RIFF")
    assert set(prepare(split_channels(read_folder(calls)), tmp_path / "out").failed) == {"bad"}


def test_an_id_that_would_be_given_twice(calls: Path) -> None:
    (calls / "call-0.wav").write_bytes((calls / "mono.wav").read_bytes())
    with pytest.raises(InputError, match="'call-0' is a recording and a channel of 'call'; rename one"):
        split_channels(read_folder(calls))
