"""What is said about a data directory."""

from pathlib import Path

import pytest

from speakerssl.data.summary import describe_data
from speakerssl.errors import InputError


def test_counts_and_durations(make_dir) -> None:
    folder = make_dir("a", "b", "c", utt2spk="a x\nb x\nc y\n", utt2session="a 1\nb 2\nc 2\n")
    found = describe_data(folder)
    assert (found["data"], found["recordings"], found["usable"], found["segments"]) == (str(folder), 3, 3, False)
    assert (found["speakers"], found["sessions"]) == (2, 2)
    assert found["hours"] == pytest.approx(3 / 3600, abs=1e-4)
    assert (found["shortest_seconds"], found["median_seconds"], found["longest_seconds"]) == (1.0, 1.0, 1.0)
    assert found["problems"] == []


def test_no_labels_and_a_recording_that_is_gone(make_dir) -> None:
    folder = make_dir("a", "b")
    (folder / "b.wav").unlink()
    found = describe_data(folder)
    assert (found["recordings"], found["usable"], found["speakers"], found["sessions"]) == (2, 1, None, None)
    (problem,) = found["problems"]
    assert "b.wav" in problem


def test_damage_in_the_middle_needs_full(make_dir) -> None:
    folder = make_dir("a", "b")
    for key in "ab":
        (folder / f"{key}.wav").write_bytes(b"")
    found = describe_data(folder, full=True)
    assert (found["usable"], found["hours"], found["longest_seconds"]) == (0, 0.0, 0.0)
    assert len(found["problems"]) == 2


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: is not a directory"):
        describe_data(tmp_path / "none")
