"""Text in blocks: any block size gives the same text; what is no list is refused in little memory."""

import bz2
import gzip
import lzma
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from speakerssl.errors import InputError
from speakerssl.trials import text_blocks as module
from speakerssl.trials.text_blocks import text_blocks

TEXT = "".join(f"é{i} b{i % 7} {i / 8}\n" for i in range(3000)).encode()


@pytest.mark.parametrize("size", [7, 64, 1000, 1 << 20])
@pytest.mark.parametrize("form", ["plain", "gzip", "two members", "padded", "no end"])
def test_any_size_gives_the_same_text(tmp_path: Path, size: int, form: str) -> None:
    stored = {
        "plain": TEXT,
        "gzip": gzip.compress(TEXT),
        "two members": gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]),
        "padded": gzip.compress(TEXT) + bytes(512),
        "no end": TEXT[:-1],
    }[form]
    (tmp_path / "list").write_bytes(stored)
    blocks = list(text_blocks(tmp_path / "list", size))
    assert b"".join(blocks) == (TEXT[:-1] if form == "no end" else TEXT)
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert len(blocks) <= 2 or size < 1 << 20


def test_unusable_files(tmp_path: Path) -> None:
    def refused(name: str, content: bytes, message: str) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            list(text_blocks(tmp_path / name))
        assert str(caught.value).startswith(str(tmp_path / name))

    refused("nul", b"a b\0 1\n", "NUL bytes")
    refused("cut.gz", gzip.compress(TEXT)[:-9], "damaged gzip: it ends early")
    refused("odd.gz", gzip.compress(TEXT)[:200] + b"x" * 500, "damaged gzip")
    refused("utf16", b"\xff\xfea\0 \xd8\xd8\xd8", "UTF-16")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("trials", TEXT)
    refused("z.zip", (tmp_path / "z.zip").read_bytes(), "zip archive")
    refused("list.xz", lzma.compress(TEXT), "compressed by xz; unpack it")
    refused("list.bz2", bz2.compress(TEXT), "compressed by bzip2; unpack it")
    refused("list.zst", b"\x28\xb5\x2f\xfd" + bytes(9), "compressed by zstd; unpack it")
    refused("list.npy", b"\x93NUMPY\1\0", "is a NumPy array; write the list as text")
    refused("list.pkl", pickle.dumps(["a", "b"], 4), "is a pickle, which is never loaded")
    refused("list.parquet", b"PAR1" + bytes(99), "is a Parquet table")
    refused("lfs", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer")
    refused("wide", "1 a/1 b/1\n0 a/2 b/2\n".encode("utf-16-le"), "is it UTF-16 without its mark\\? save it as UTF-8")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(text_blocks(tmp_path))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(text_blocks(tmp_path / "none"))
    (tmp_path / "secret").write_bytes(TEXT)
    (tmp_path / "secret").chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(InputError, match="cannot be read: Permission denied"):
            list(text_blocks(tmp_path / "secret"))


def test_a_long_line_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 100)
    (tmp_path / "list").write_bytes(b"a b\n" * 50 + b"x" * 100 + b"\na b\n")
    assert b"".join(text_blocks(tmp_path / "list", 32)).count(b"\n") == 52
    (tmp_path / "list").write_bytes(b"a b\n" * 50 + b"x" * 101 + b"\na b\n")
    for size in (32, 4096):
        with pytest.raises(InputError, match="has a line of more than"):
            list(text_blocks(tmp_path / "list", size))


READ = """
import resource, sys
from speakerssl.errors import InputError
from speakerssl.trials.text_blocks import text_blocks
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for block in text_blocks(sys.argv[1]): pass
except InputError as error:
    print(error, file=sys.stderr)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("unit", "message"), [(b"x" * 1024, "has a line of more than 1 MB"), (b"1 a b\n" * 170, "expands more than")]
)
def test_bombs_take_little_memory(tmp_path: Path, unit: bytes, message: str) -> None:
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as stream:
        for _ in range(400):
            stream.write(unit * 1024)
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "bomb.gz"], capture_output=True, text=True, check=True
    )
    assert message in done.stderr
    assert int(done.stdout) < 120
