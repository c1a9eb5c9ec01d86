"""Prepared directories: complete, repeatable, and without what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerssl.data.checks import validate
from speakerssl.data.folders import read_folder
from speakerssl.data.kaldi import DataDir
from speakerssl.data.prepare import prepare, read_list, with_segments
from speakerssl.errors import InputError, JobError, OutputError


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


@pytest.mark.parametrize(
    "name", ["a\nb.wav", "caf\udce9.wav", "end.wav |.wav", "bar|", " lead.wav", "\u2028.wav", "x\x07.wav"]
)
def test_odd_names_are_read_back_or_refused_and_listed(make_dir, tmp_path: Path, name: str) -> None:
    folder = make_dir("good")
    (folder / "wav.scp").unlink()
    whole = (folder / "good.wav").read_bytes()
    (folder / "sub").mkdir()
    (folder / "sub" / name).write_bytes(whole)
    data = read_folder(folder)
    done = prepare(data, tmp_path / "out")
    again = DataDir.read(tmp_path / "out")
    assert set(again.recordings) | set(done.failed) == set(data.recordings)
    for utterance in again.utterances:
        np.testing.assert_array_equal(utterance.read(), read_folder(folder).recordings["good"].read())
    if done.failed:
        text = (tmp_path / "out" / "failed.txt").read_text(encoding="utf-8")
        assert text.count("\n") == 1
        assert "rename it" in text


def test_a_name_that_looks_like_a_command_is_never_run(tmp_path: Path, pipes) -> None:
    soundfile.write(tmp_path / "good.wav", np.ones(1600, np.int16), 16000)
    (tmp_path / "touch RAN; cat x.wav|").write_bytes((tmp_path / "good.wav").read_bytes())
    # A suffix is needed to be found in a folder; through a list the name is a command, and refused without the switch.
    assert list(read_folder(tmp_path).recordings) == ["good"]


def test_output_that_cannot_be_written_is_said_before_the_audio_is_read(make_dir, tmp_path: Path, monkeypatch) -> None:
    data = DataDir.read(make_dir("a"))
    monkeypatch.setattr("speakerssl.data.prepare.check", None)  # would fail
    (tmp_path / "file").write_text("x")
    for output, reason in (("file", "is not a folder"), ("file/sub", "is not a folder")):
        with pytest.raises(OutputError, match=rf"{output}: cannot be written: .*{reason}"):
            prepare(data, tmp_path / output)
    with pytest.raises(OutputError, match="/proc/nope: cannot be written"):
        prepare(data, "/proc/nope")
    with pytest.raises(InputError, match="cannot be standard output"):
        prepare(data, "-")


def test_past_the_end_is_one_decision(make_dir, tmp_path: Path) -> None:
    folder = make_dir("a", segments="far a 0 1.6\nnear a 0.5 1.4\nout a 2 3\n")
    data = DataDir.read(folder)
    done = prepare(data, tmp_path / "out")
    assert set(done.failed) == {"far", "out"}
    for key, utterance in data.recordings.items():
        if key in done.failed:
            assert f"{folder}/segments:{utterance.segment_line}: ends at" in done.failed[key]
            for function in (utterance.read, utterance.duration):
                with pytest.raises(InputError) as caught:
                    function()
                assert str(caught.value) == done.failed[key]
        else:
            assert len(utterance.read()) == 8000
            assert utterance.duration() == 0.5


def test_a_very_short_segment_is_written_so_that_it_can_be_read(make_dir, tmp_path: Path) -> None:
    folder = make_dir("r", segments="u r 0.5001 0.5004\n")
    prepare(DataDir.read(folder), tmp_path / "out")
    assert validate(tmp_path / "out") == []
    assert len(DataDir.read(tmp_path / "out").recordings["u"].read()) == 5
