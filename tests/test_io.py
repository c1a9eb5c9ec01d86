"""Files: whole or not at all, plain or gzip, one clear line when they cannot be read."""

import gzip
from pathlib import Path

import pytest

from speakerssl.errors import InputError
from speakerssl.io import atomic_path, open_binary, read_bytes, write_text


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
        with open_binary(tmp_path / name) as stream:
            assert stream.read() == b"text"


@pytest.mark.parametrize("content", [None, gzip.compress(b"some text" * 99)[:30], b"\x1f\x8bnonsense"])
def test_unreadable_files_are_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "trials.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_bytes(path)
    assert str(path) in str(error.value)
    assert "cannot be read" in str(error.value)
    assert "\n" not in str(error.value)
