"""Files: whole or not at all, plain or gzip, one clear line when they cannot be read."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from speakerssl.errors import InputError, JobError, OutputError
from speakerssl.io import (
    atomic_path,
    check_file,
    check_folder,
    check_output,
    is_gzip,
    make_folder,
    read_bytes,
    read_text,
    reading,
    refuse_dash,
    write_text,
    writing,
)


def test_atomic_path_replaces_on_success_and_leaves_nothing_on_failure(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.npy"
    write_text(target, "old")

    def fail_half_way() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["a.npy"]
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".npy"
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o044, "others of the umask can read it"


def test_plain_and_gzip_read_alike_whatever_the_name(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"text")
    (tmp_path / "zipped").write_bytes(gzip.compress(b"te") + gzip.compress(b"xt"))
    for name in ("plain", "zipped"):
        assert read_bytes(tmp_path / name) == b"text"
        assert is_gzip(tmp_path / name) == (name == "zipped")


CUT_OFF = gzip.compress(b"some text" * 99)[:30]  # holds the time, so it must not become the name of a test


@pytest.mark.parametrize("content", [None, CUT_OFF, b"\x1f\x8bnonsense"], ids=["none", "cut off", "nonsense"])
def test_unreadable_files_are_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "trials.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_bytes(path)
    assert str(path) in str(error.value)
    assert "cannot be read" in str(error.value)
    assert "\n" not in str(error.value)


def test_what_the_system_says_becomes_an_error_with_the_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^list:3: cannot be read: Is a directory$"), reading("list:3"):
        open(tmp_path).close()
    with pytest.raises(JobError, match=r"^x: needs more memory than there is$"), reading("x", JobError):
        raise MemoryError
    with pytest.raises(InputError, match="NUL character"), reading("x"):
        open("a\0b").close()
    with pytest.raises(ValueError, match="another"), reading("x"):
        raise ValueError("another")


@pytest.mark.parametrize("name", ["file/x.txt", "file/deep/x.txt", "folder"])
def test_output_in_the_wrong_place_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=rf"{name.split('/')[0]}.*: cannot be written: "):
        write_text(tmp_path / name, "y")
    assert (tmp_path / "file").read_text() == "x"


def test_an_input_that_fails_while_output_is_written_is_no_output_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.txt: No such file"), atomic_path(tmp_path / "out"):
        open(tmp_path / "nowhere.txt").close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """On a file system of 64 kB; libsndfile and torch have errors of their own for it."""
    code = f"""
import numpy, soundfile, sys
from speakerssl.errors import OutputError
from speakerssl.io import atomic_path, write_text
def by_soundfile():
    with atomic_path("{tmp_path}/x.wav") as temporary:
        soundfile.write(temporary, numpy.random.randn(300000), 16000)
def by_numpy():
    with atomic_path("{tmp_path}/x.npy") as temporary:
        numpy.save(temporary, numpy.zeros(300000))
def by_torch():
    import torch
    with atomic_path("{tmp_path}/x.pt") as temporary:
        torch.save(torch.zeros(300000), temporary)
write_text("{tmp_path}/kept", "old")
for write in (by_soundfile, by_numpy, by_torch, lambda: write_text("{tmp_path}/kept", "x" * 300000)):
    try:
        write()
        sys.exit("nothing happened")
    except OutputError as error:
        print(error)
import os
print(sorted(os.listdir("{tmp_path}")), open("{tmp_path}/kept").read())
"""
    mount = f"mount -t tmpfs -o size=64k tmpfs '{tmp_path}' && exec '{sys.executable}' -c \"$0\""
    done = subprocess.run(["unshare", "-m", "sh", "-c", mount, code], capture_output=True, text=True, check=False)
    if "mount:" in done.stderr or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount a small file system")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        f"{tmp_path}/{name}: cannot be written: No space left on device" for name in ("x.wav", "x.npy", "x.pt", "kept")
    ]
    assert lines[4] == "['kept'] old"


def test_a_name_that_is_not_utf8_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out: cannot be written: 'caf\\xe9' is not UTF-8"):
        write_text(tmp_path / "out", "caf\udce9")


def test_standard_output_is_refused_in_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for function in (refuse_dash, make_folder, check_folder, lambda path: write_text(path, "x")):
        for name in ("-", "-/x"):
            with pytest.raises(InputError, match=rf"--output {name}: cannot be standard output"):
                function(name)
    assert list(tmp_path.iterdir()) == []
    refuse_dash(tmp_path / "-")


def test_a_folder_is_checked_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_folder(tmp_path / "new" / "deep")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"], "nothing is made"
    with pytest.raises(OutputError, match="is not a folder"):
        check_folder(tmp_path / "file" / "x")
    with pytest.raises(OutputError, match="/proc/nope: cannot be written"):
        check_folder("/proc/nope")


def test_a_file_is_checked_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_file(tmp_path / "file")
    check_file(tmp_path / "new" / "file")
    with pytest.raises(OutputError, match="is a folder; name a file"):
        check_file(tmp_path)
    with pytest.raises(OutputError, match="is not a folder; name another output"):
        check_file(tmp_path / "file" / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"], "nothing is made"


def test_an_output_may_be_a_file_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "new" / "deep"):
        check_output(path)
    with pytest.raises(OutputError, match="is not a folder; name another output"):
        check_output(tmp_path / "file" / "x")
    with pytest.raises(InputError, match="cannot be standard output"):
        check_output("-")


def test_texts_lose_their_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"\xef\xbb\xbf1 a b\n")
    assert read_text(path) == "1 a b\n"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfx"))
    assert read_text(path) == "x"
    for content, message in (
        ("a\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (b"a\nb\xff\n", r"t:2: is not UTF-8 text \(byte 3\)"),
        (b"a\nb\0\n", "t:2: holds a NUL character"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_text(path)


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerssl.io._UNPACKED_AT_LEAST", 1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(30 << 20)))
    with pytest.raises(InputError, match=r"bomb\.gz: unpacks to over \d+ MB, 200 times its size: refused"):
        read_bytes(path)


def test_memory_while_writing_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not enough memory"), writing(tmp_path / "x"):
        raise MemoryError
    with pytest.raises(BrokenPipeError), writing(tmp_path / "x"):
        raise BrokenPipeError(os.strerror(32))
