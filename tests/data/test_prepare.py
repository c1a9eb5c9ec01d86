"""Prepared directories: complete, repeatable, and without what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.checks import validate
from speakerssl.data.folders import read_folder
from speakerssl.data.kaldi import DataDir
from speakerssl.data.prepare import prepare, read_list, with_segments
from speakerssl.errors import InputError, JobError


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_a_folder_with_damage(make_dir, tmp_path: Path) -> None:
    folder = make_dir("b", "a", "damaged")
    (folder / "damaged.wav").write_bytes((folder / "damaged.wav").read_bytes()[:1000])
    done = prepare(read_folder(folder), tmp_path / "out")
    assert (done.recordings, done.short, done.speakers) == (2, 0, None)
    assert done.hours == pytest.approx(2 / 3600)
    assert contents(tmp_path / "out") == {
        "failed.txt": f"damaged\t{folder}/damaged.wav: is truncated: 956 of 32000 bytes of samples are there\n",
        "utt2dur": "a 1.000000\nb 1.000000\n",
        "wav.scp": f"a {folder}/a.wav\nb {folder}/b.wav\n",
    }
    assert validate(tmp_path / "out") == []


def test_running_again_changes_nothing_and_mending_clears_failed_txt(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a", "b")
    whole = (folder / "b.wav").read_bytes()
    (folder / "b.wav").write_bytes(b"")
    prepare(read_folder(folder), tmp_path / "out")
    first = contents(tmp_path / "out")
    prepare(read_folder(folder), tmp_path / "out")
    assert contents(tmp_path / "out") == first
    (folder / "b.wav").write_bytes(whole)
    assert prepare(read_folder(folder), tmp_path / "out").failed == {}
    assert sorted(contents(tmp_path / "out")) == ["utt2dur", "wav.scp"]


def test_short_recordings_are_left_out_but_no_failures(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a", "b")
    soundfile.write(folder / "c.wav", np.ones(30000, np.int16), 16000)
    done = prepare(read_folder(folder), tmp_path / "out", min_duration=1.5)
    assert (done.recordings, done.short, done.failed) == (1, 2, {})


def test_a_copy_keeps_speakers_and_sessions_of_what_is_left(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a", "b", utt2spk="a s1\nb s2\n", utt2session="a x\nb y\n")
    (folder / "b.wav").unlink()
    done = prepare(DataDir.read(folder), tmp_path / "out")
    assert done.speakers == 1
    assert "wav.scp:2: " in done.failed["b"]
    assert contents(tmp_path / "out")["utt2spk"] == "a s1\n"
    assert contents(tmp_path / "out")["utt2session"] == "a x\n"


def test_segments_over_a_list(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a")
    (tmp_path / "cuts").write_text("a-1 a 0.0 0.25\na-2 a 0.5 1.0\n")
    data = read_list(folder / "wav.scp", tmp_path / "cuts")
    prepare(data, tmp_path / "out")
    assert contents(tmp_path / "out")["segments"] == "a-1 a 0.000 0.250\na-2 a 0.500 1.000\n"
    assert contents(tmp_path / "out")["utt2dur"] == "a-1 0.250000\na-2 0.500000\n"
    with pytest.raises(InputError, match="has segments of its own"):
        with_segments(data, tmp_path / "cuts")


def test_nothing_is_written_when_nothing_is_left(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a")
    (folder / "a.wav").write_bytes(b"")
    with pytest.raises(JobError, match=r"no recording can be used; the first: .*a\.wav: is empty"):
        prepare(read_folder(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_directory_that_is_read_is_not_overwritten(make_dir) -> None:
    folder = make_dir("a")
    with pytest.raises(InputError, match="is the directory that is read"):
        prepare(DataDir.read(folder), folder)


def test_trial_lists_are_checked_and_copied(make_dir, tmp_path: Path) -> None:
    data = DataDir.read(make_dir("a", "b"))
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("1 a a\n0 a b\n")
    bad.write_text("1 a a\n0 a c\n")
    with pytest.raises(InputError, match=r"bad\.txt:2: 'c' is not among the recordings"):
        prepare(data, tmp_path / "out", trials={"trials_O": good, "trials_H": bad})
    assert not (tmp_path / "out").exists()
    assert prepare(data, tmp_path / "out", trials={"trials_O": good}).trials == {"trials_O": 2}
    assert contents(tmp_path / "out")["trials_O"] == "1 a a\n0 a b\n"
