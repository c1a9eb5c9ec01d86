"""One recording of a directory or a stretch of one: where it begins, what names it in a message."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerssl.data.audio import AudioError, read_audio
from speakerssl.data.kaldi import DataDir
from speakerssl.data.utterance import Utterance, read_channel
from speakerssl.errors import InputError


def test_segments_cut_recordings(make_dir) -> None:
    folder = make_dir("rec", segments="rec-1 rec 0.25 0.5\nrec-2 rec 0.5 -1\n")
    data = DataDir.read(folder)
    whole = read_audio(folder / "rec.wav")
    first, second = data.utterances
    np.testing.assert_array_equal(first.read(), whole[4000:8000])
    np.testing.assert_array_equal(second.read(), whole[8000:])
    np.testing.assert_array_equal(first.read(0.125), whole[6000:8000])
    np.testing.assert_array_equal(first.read(0.125, 0.0625), whole[6000:7000])
    np.testing.assert_array_equal(first.read(0.125, 9.0), whole[6000:8000], "never past the segment's end")
    assert data.durations() == {"rec-1": 0.25, "rec-2": 0.5}


@pytest.mark.parametrize("base", ["cwd", "folder", "parent"])
def test_relative_paths_are_found(make_dir, monkeypatch, base: str) -> None:
    folder = make_dir("a", "b")
    start = {"cwd": folder.parent.parent, "folder": folder, "parent": folder.parent}[base]
    relative = os.path.relpath(folder, start)
    (folder / "wav.scp").write_text(f"a {relative}/a.wav\nb {relative}/b.wav\n")
    if base == "cwd":
        monkeypatch.chdir(start)
    assert len(DataDir.read(folder).recordings["b"].read()) == 16000


def test_pipes_and_paths_with_spaces(make_dir, pipes) -> None:
    folder = make_dir("a")
    (folder / "with space.wav").write_bytes((folder / "a.wav").read_bytes())
    (folder / "wav.scp").write_text(f"a cat '{folder}/a.wav' |\nb {folder}/with space.wav\n")
    data = DataDir.read(folder)
    assert data.durations() == {"a": 1.0, "b": 1.0}
    np.testing.assert_array_equal(data.recordings["a"].read(), data.recordings["b"].read())


@pytest.mark.parametrize("times", ["1.0001 1.0004", "0.123456789 0.2", "0 0.0625"])
def test_times_of_segments_keep_their_precision(make_dir, tmp_path: Path, times: str) -> None:
    folder = make_dir("rec", segments=f"x rec {times}\n")
    data = DataDir.read(folder)
    data.write(tmp_path / "copy")
    again = DataDir.read(tmp_path / "copy").utterances[0]
    assert (again.start, again.end) == (data.utterances[0].start, data.utterances[0].end)


def test_a_missing_recording_names_its_line_of_wav_scp(make_dir) -> None:
    folder = make_dir("a", "b")
    (folder / "b.wav").unlink()
    data = DataDir.read(folder)
    with pytest.raises(AudioError, match=r"data/wav\.scp:2: .*b\.wav: cannot be read: No such file"):
        data.recordings["b"].read()
    with pytest.raises(AudioError, match=r"data/wav\.scp:2: .*b\.wav: cannot be read: No such file"):
        data.durations()


def test_a_segment_up_to_half_a_second_too_long_is_cut() -> None:
    utterance = Utterance("a", "a.wav", 1.0, 3.4, "r", "wav.scp", 1, "segments", 7)
    assert utterance.extent(3.0) == 2.0
    assert utterance.extent(3.4) == pytest.approx(2.4)
    with pytest.raises(AudioError, match=r"segments:7.*ends at 3.4 s, but the recording at 2.80 s"):
        utterance.extent(2.8)
    with pytest.raises(AudioError, match="segments:7"):
        replace(utterance, end=None).extent(1.0)  # begins where the recording ends


@pytest.mark.parametrize("text", ["-1", "x", "1.5", ""])
def test_a_channel_is_a_count_from_nought(text: str) -> None:
    assert read_channel("1", "segments:2") == 1
    with pytest.raises(InputError, match="segments:2"):
        read_channel(text, "segments:2")
