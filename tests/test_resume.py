"""The identity of resumable outputs, the lock on an output folder, and what a killed run leaves."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from speakerssl.data.kaldi import Utterance
from speakerssl.errors import InputError, OutputError
from speakerssl.io import atomic_path
from speakerssl.resume import Identity, folder_state, output_lock, refuse_locked


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    made = []
    for name in "abc":
        (tmp_path / f"{name}.wav").write_bytes(name.encode() * 100)
        made.append(Utterance(name, str(tmp_path / f"{name}.wav")))
    return made


def identity(utterances: list[Utterance], verify: str = "stat", **options: object) -> Identity:
    return Identity.of(utterances, verify, options)


def test_what_differs_is_said(utterances: list[Utterance], tmp_path: Path) -> None:
    before = identity(utterances, seed=1)
    assert identity(utterances, seed=1).difference(before) == ""
    assert identity(utterances, seed=2).difference(before) == "seed is 2, was 1"
    assert identity(utterances[:2], seed=1).difference(before) == "recordings: 1 gone (the first: 'c')"
    assert identity(utterances[::-1], seed=1).difference(before) == "recordings: in another order"
    (tmp_path / "b.wav").write_bytes(b"other")
    new = [*utterances[:2], replace(utterances[2], id="d")]
    assert identity(new, seed=1).difference(before) == (
        "recordings: 1 changed (the first: 'b'), 1 new (the first: 'd'), 1 gone (the first: 'c')"
    )


def test_another_stretch_of_the_same_file_is_another_recording(utterances: list[Utterance]) -> None:
    moved = replace(utterances[0], line=7, origin="elsewhere/wav.scp")
    assert identity([moved]).difference(identity(utterances[:1])) == "", "its place in a list does not count"
    cut = replace(utterances[0], start=0.5)
    assert identity([cut]).difference(identity(utterances[:1])) != ""


def test_content_sees_what_size_and_time_hide(utterances: list[Utterance], tmp_path: Path) -> None:
    stat, content = identity(utterances), identity(utterances, "content")
    times = os.stat(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(b"z" * 100)
    os.utime(tmp_path / "a.wav", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert identity(utterances).difference(stat) == ""
    assert identity(utterances, "content").difference(content) == "recordings: 1 changed (the first: 'a')"
    os.utime(tmp_path / "b.wav", ns=(1, 1))
    assert identity(utterances).difference(stat) == "recordings: 1 changed (the first: 'b')"
    with pytest.raises(InputError, match="verify is 'size'; it must be one of: stat, content"):
        identity(utterances, "size")


def test_a_file_that_vanishes_or_comes_back_has_changed(utterances: list[Utterance], tmp_path: Path) -> None:
    before = identity(utterances)
    (tmp_path / "a.wav").unlink()
    gone = identity(utterances)
    assert "1 changed" in gone.difference(before)
    (tmp_path / "a.wav").write_bytes(b"a")
    assert "1 changed" in identity(utterances).difference(gone)


def test_written_and_read(utterances: list[Utterance], tmp_path: Path) -> None:
    before = identity(utterances, crops=(1, 2), name="ü")
    before.write(tmp_path / "out")
    found = Identity.read(tmp_path / "out")
    assert found is not None
    assert before.difference(found) == ""
    assert Identity.read(tmp_path) is None
    for damage in ("", "{", "[]", '{"options": 1, "recordings": 2}', '{"options": {}}'):
        (tmp_path / "identity.json").write_text(damage)
        assert Identity.read(tmp_path) is None


def test_a_folder_s_state(tmp_path: Path) -> None:
    (tmp_path / "n" / "x").mkdir(parents=True)
    (tmp_path / "n" / "x" / "1.wav").write_bytes(b"1")
    before = folder_state(tmp_path / "n", "content")
    (tmp_path / "n" / ".hidden").write_bytes(b"1")
    assert folder_state(tmp_path / "n", "content") == before
    (tmp_path / "n" / "2.wav").write_bytes(b"1")
    assert folder_state(tmp_path / "n", "content") != before


HOLD = """
import sys, time
from speakerssl.resume import output_lock
with output_lock(sys.argv[1]):
    print(flush=True)
    time.sleep(60)
"""


def test_the_second_run_is_refused_by_name_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert first.stdout is not None
    first.stdout.readline()
    with pytest.raises(InputError, match=rf"{tmp_path}: process {first.pid} on .* is writing here") as error:
        output_lock(tmp_path).__enter__()
    assert len(str(error.value)) < 300
    first.send_signal(signal.SIGKILL)
    first.wait()
    with output_lock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    code = (
        "import os, sys; from speakerssl.io import atomic_path\n"
        "with atomic_path(sys.argv[1]) as path: path.write_text('half'); os.kill(os.getpid(), 9)"
    )
    for name in ("x.flac", "audio/y", "z.tar.gz"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)])
    with atomic_path(tmp_path / "done.txt") as path:
        path.write_text("whole")
    (tmp_path / ".mine.tmp").write_text("not ours")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 5
    with output_lock(tmp_path):
        assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".lock", ".mine.tmp", "done.txt"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/out: cannot be written: a file is in its place"):
        output_lock(tmp_path / "file" / "out").__enter__()


def test_a_folder_that_is_removed_meanwhile(tmp_path: Path) -> None:
    """It is said whether or not something else failed for want of it, and the lock of a run that came after stays."""
    for end in ("quietly", "by an error"):
        folder = tmp_path / end
        with pytest.raises(OutputError, match=rf"{end}: was removed or replaced while .*; run the command again"):
            _lose(folder, end)
        assert (folder / ".lock").read_text() == "another's"
    with pytest.raises(ValueError, match="ours"), output_lock(tmp_path / "there"):
        raise ValueError("ours")


def _lose(folder: Path, end: str) -> None:
    with output_lock(folder):
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / ".lock").write_text("another's")
        if end != "quietly":
            (folder / "part").read_text()


def test_a_look_whether_a_folder_is_held_changes_nothing(tmp_path: Path) -> None:
    refuse_locked(tmp_path)
    assert not list(tmp_path.iterdir())
    with output_lock(tmp_path), pytest.raises(InputError, match=r"process .* is writing here"):
        refuse_locked(tmp_path)
    (tmp_path / ".lock").touch()  # of a run that was killed
    refuse_locked(tmp_path)
