"""npz and npy of others: read where that is safe, else refused with what to do; headers are not believed."""

import io
import pickle
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError

IDS = ["a/1.wav", "b/ü.wav", "c"]


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)


def test_what_others_write_is_read(tmp_path: Path, matrix: np.ndarray) -> None:
    written = {
        "bytes": {"ids": np.array([name.encode() for name in IDS]), "embeddings": matrix},
        "double": {"ids": np.array(IDS), "embeddings": matrix.astype(np.float64), "other": np.zeros(3)},
        "half": {"ids": np.array(IDS), "embeddings": matrix.astype(np.float16)},
        "dict": dict(zip(IDS, matrix)),
        "dict of rows": dict(zip(IDS, matrix[:, None])),
    }
    for name, arrays in written.items():
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "x.npz", **arrays)
            found = read_embeddings(tmp_path / "x.npz")
            assert found.ids == IDS, name
            np.testing.assert_allclose(found.matrix, matrix, rtol=1e-3, err_msg=name)


class Evil:
    def __reduce__(self):
        return (open, ("RAN", "w"))


def test_objects_are_refused_with_the_cure_and_run_nothing(tmp_path: Path, matrix: np.ndarray, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "ids.npz", ids=np.array(IDS, dtype=object), embeddings=matrix)
    np.savez(tmp_path / "rows.npz", ids=np.array(IDS), embeddings=np.array([[Evil()]] * 3, dtype=object))
    np.save(tmp_path / "dict.npy", np.array(dict(zip(IDS, matrix)), dtype=object))
    np.save(tmp_path / "evil.npy", np.array(Evil(), dtype=object))
    (tmp_path / "raw.npz").write_bytes(pickle.dumps({"ids": IDS, "evil": Evil()}))
    (tmp_path / "dict.ids").write_text("a\n")
    (tmp_path / "evil.ids").write_text("a\n")
    for name in ("ids.npz", "rows.npz", "dict.npy", "evil.npy", "raw.npz"):
        with pytest.raises(InputError, match=r"could run code; save them as np\.savez") as error:
            read_embeddings(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"not '\.pkl'; save them as np\.savez"):
        read_embeddings(tmp_path / "x.pkl")
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": np.array(IDS)}, "has no array 'embeddings'"),
        ({"embeddings": np.zeros((3, 5))}, "has no array 'ids'"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, "has no array 'ids' and not one vector an id"),
        ({"a": np.zeros((3, 4))}, "has no array 'ids' and not one vector an id"),
        ({"ids": np.arange(3), "embeddings": np.zeros((3, 5))}, "ids are int64"),
        ({"ids": np.array([IDS]), "embeddings": np.zeros((3, 5))}, "not a row of text"),
        ({"ids": np.array([b"\xff", b"b", b"c"]), "embeddings": np.zeros((3, 5))}, "not UTF-8"),
        ({"ids": np.full(3, 0x110000, "u4").view("U1"), "embeddings": np.zeros((3, 5))}, "ids are numbers that are no"),
        ({"ids": np.array(["a", "b", "\udc80"]), "embeddings": np.zeros((3, 5))}, "ids are numbers that are no"),
        ({"ids": np.array(IDS), "embeddings": np.array([["x"]] * 3)}, "not numbers"),
        ({"ids": np.array(IDS), "embeddings": np.zeros((3, 5), complex)}, "not numbers"),
        ({"ids": np.array(IDS), "embeddings": np.zeros((4, 5))}, "3 ids and an array of shape"),
    ],
)
def test_other_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=message) as error:
        read_embeddings(tmp_path / "x.npz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["ids", "embeddings", "a"])
def test_a_member_that_is_no_array_is_refused(tmp_path: Path, name: str) -> None:
    """numpy gives the bytes of such a member in place of an array."""
    arrays: dict[str, Any] = {"ids": np.array(IDS), "embeddings": np.zeros((3, 5))} if name != "a" else {}
    np.savez(tmp_path / "x.npz", **arrays)
    with zipfile.ZipFile(tmp_path / "whole.npz", "w") as changed, zipfile.ZipFile(tmp_path / "x.npz") as packed:
        for member in {*packed.namelist(), f"{name}.npy"}:
            changed.writestr(member, b"no array" if member == f"{name}.npy" else packed.read(member))
    with pytest.raises(InputError, match=rf"whole\.npz: cannot be read: what it holds as '{name}\.npy' is no array"):
        read_embeddings(tmp_path / "whole.npz")


def header(shape: tuple[int, ...], dtype: str) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def bombs(folder: Path) -> None:
    with zipfile.ZipFile(folder / "zeros.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open("embeddings.npy", "w", force_zip64=True) as stream:
            stream.write(header((5_000_000, 200), "<f4"))
            for _ in range(1000):
                stream.write(bytes(4_000_000))
        with packed.open("ids.npy", "w") as stream:
            stream.write(header((1,), "<U1") + b"a\0\0\0")
    with zipfile.ZipFile(folder / "claims.npz", "w") as packed:
        packed.writestr("embeddings.npy", header((10**9, 200), "<f4"))
        packed.writestr("ids.npy", header((10**9,), "<U100"))
    (folder / "claims.npy").write_bytes(header((10**6, 10**6), "<f4"))
    (folder / "negative.npy").write_bytes(header((-1, 5), "<f4") + bytes(20))
    for name in ("claims", "negative"):
        (folder / f"{name}.ids").write_text("a\n")


def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    """4 MB that unpack to 4 GB, headers that claim terabytes: refused under a limit of 1.5 GB of address space."""
    bombs(tmp_path)
    assert (tmp_path / "zeros.npz").stat().st_size < 5e6
    code = (
        "import sys\nfrom speakerssl.embeddings.storage import read_embeddings\n"
        "from speakerssl.errors import InputError\n"
        "for path in sys.argv[1:]:\n"
        "    try: read_embeddings(path)\n"
        "    except InputError as error: print(error)\n"
    )
    paths = [str(tmp_path / name) for name in ("zeros.npz", "claims.npz", "claims.npy", "negative.npy")]
    limit = 3 * 2**29
    done = subprocess.run(
        [sys.executable, "-c", code, *paths],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    assert "3.7 MiB would unpack to 3815 MiB, as no real numbers do" in lines[0]
    assert all("an array claims the shape" in line for line in lines[1:])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_a_declared_error(tmp_path: Path, data: st.DataObject) -> None:
    """A byte changed, a stretch cut out or doubled: read, or refused in one line."""
    kind = data.draw(st.sampled_from(["npz", "npy"]))
    stream = io.BytesIO()
    if kind == "npz":
        np.savez_compressed(stream, ids=np.array(IDS), embeddings=np.ones((3, 5), np.float32))
    else:
        np.save(stream, np.ones((3, 5), np.float32))
        (tmp_path / "x.ids").write_text("a\nb\nc\n")
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        action = data.draw(st.sampled_from(["set", "cut", "double"]))
        if action == "set":
            content[place] = data.draw(st.integers(0, 255))
        elif action == "cut" and len(content) > 1:
            del content[place : place + data.draw(st.integers(1, 40))]
            content = content or bytearray(b"x")
        else:
            content[place:place] = content[place : place + 20]
    (tmp_path / f"x.{kind}").write_bytes(content)
    message = ""
    try:
        read_embeddings(tmp_path / f"x.{kind}")
    except InputError as error:
        message = str(error)
    assert "\n" not in message
