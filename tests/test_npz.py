"""npz and npy files: what numpy writes is read, what would fill the memory or run code is refused first."""

import gzip
import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.errors import InputError
from speakerssl.npz import read_npy, read_npz, texts

ARRAYS: dict[str, Any] = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "words": np.array(["lda:3", "ä"]),
    "one": np.array("x"),
    "empty": np.empty((0, 4)),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path: Path, save) -> None:
    save(tmp_path / "a.npz", **ARRAYS)
    (tmp_path / "b.npz.gz").write_bytes(gzip.compress((tmp_path / "a.npz").read_bytes()))
    for path in (tmp_path / "a.npz", tmp_path / "b.npz.gz"):
        found = read_npz(path)
        assert found.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
    np.save(tmp_path / "m.npy", ARRAYS["columns"])
    np.testing.assert_array_equal(read_npy(tmp_path / "m.npy"), ARRAYS["columns"])


def header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    size = 2**30
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("plda.mean.npy", "w") as stream:
        stream.write(header((size // 8,)))
        for _ in range(size // 2**24):
            stream.write(bytes(2**24))
    assert path.stat().st_size < 2 * 2**20
    tracemalloc.start()
    with pytest.raises(InputError, match=r"bomb.npz: .* would unpack to 1024 MiB"):
        read_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    for shape in ((2**40,), (2**31, 2**31, 2**31), (-1, 3)):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("x.npy", header(shape) + bytes(64))
        (tmp_path / "a.npy").write_bytes(header(shape) + bytes(64))
        for read, name in ((read_npz, "a.npz"), (read_npy, "a.npy")):
            with pytest.raises(InputError, match="claims the shape"):
                read(tmp_path / name)


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", x=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="Python objects"):
        read_npz(tmp_path / "o.npz")
    (tmp_path / "p.npz").write_bytes(pickle.dumps([1]))
    with pytest.raises(InputError, match=r"p.npz: is no whole numpy file"):
        read_npz(tmp_path / "p.npz")


@given(st.integers(0, 2000), st.integers(0, 255), st.integers(0, 2000))
@settings(deadline=None, max_examples=200)
def test_damage_is_an_input_error(tmp_path_factory: pytest.TempPathFactory, place: int, value: int, cut: int) -> None:
    stream = io.BytesIO()
    np.savez(stream, **ARRAYS)
    raw = bytearray(stream.getvalue())
    raw[place % len(raw)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(bytes(raw) if cut % 2 else bytes(raw[: cut % len(raw)]))
    message = ""
    try:
        read_npz(path)
    except InputError as error:
        message = str(error)
    assert message.count("\n") == 0
    assert len(message.removeprefix(str(path))) < 250


@pytest.mark.parametrize("order", "<>")
def test_text_is_read_in_either_order_of_bytes(order: str) -> None:
    ids = ["a", "\U0010ffff", "", "é/2"]
    assert texts(np.array(ids).astype(f"{order}U4")) == ids
    assert texts(np.array([name.encode() for name in ids])) == ids
    assert texts(np.empty(0, f"{order}U1")) == []
    assert texts(np.array(["", ""], f"{order}U0")) == ["", ""]


@pytest.mark.parametrize("point", [0x110000, 0xFFFFFFFF, 0xD800, 0xDFFF])
@pytest.mark.parametrize("order", "<>")
def test_numbers_that_are_no_characters_are_refused(point: int, order: str) -> None:
    array = np.array([[97, point], [97, 98]], f"{order}u4").view(f"{order}U2")[:, 0]
    with pytest.raises(ValueError, match="no characters"):
        texts(array)
