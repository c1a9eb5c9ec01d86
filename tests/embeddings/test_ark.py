"""Kaldi's archives of vectors: binary and text, written and read, damaged."""

import struct
from pathlib import Path

import numpy as np
import pytest

from speakerssl.embeddings.ark import ark_bytes, binary_entry, gather_vectors, scan_ark, vector_at
from speakerssl.embeddings.storage import read_embeddings
from speakerssl.errors import InputError


@pytest.mark.parametrize(
    "content",
    [
        b"a",
        b" ",
        b"\0",
        b" \0BFV \4\1\0\0\0abcd",
        b"\0BFV \4\1\0\0\0abcd",
        b"a\nb \0BFV \4\1\0\0\0abcd",
        b"a \0BFV \5\1\0\0\0abcd",
        b"a \0BFV \4\xff\xff\xff\xff",
        b"a \0BFV \4\xff\xff\xff\x7fabcd",
        b"a \0BFM \4\1\0\0\0\4",
        b"a [ 1 2 ]\nb [ 1\n2 ]\n[ 3 ]",
        b"\xff [ 1 ]",
        b"a [ 1e99999999 x ]",
    ],
)
def test_damaged_archives_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ark").write_bytes(content)
    with pytest.raises(InputError) as error:
        read_embeddings(tmp_path / "x.ark")
    assert "\n" not in str(error.value)


IDS = ["id1/a/1.wav", "ü3", "speaker-4"]


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 7)).astype(np.float32)


def test_what_is_written_is_read_by_offset_and_by_id(matrix: np.ndarray) -> None:
    data, offsets = ark_bytes(IDS, matrix)
    array = np.frombuffer(data, np.uint8)
    np.testing.assert_array_equal(gather_vectors(array, offsets, IDS, "x.ark"), matrix)
    names, rows = scan_ark(array, "x.ark")
    assert names == IDS
    np.testing.assert_array_equal(rows, matrix)


def test_doubles_matrices_of_one_row_and_text_side_by_side() -> None:
    parts = {
        "float": b"\0BFV \4" + struct.pack("<i2f", 2, 1, 2),
        "double": b"\0BDV \4" + struct.pack("<i2d", 2, 3, 4),
        "matrix": b"\0BFM \4" + struct.pack("<i", 1) + b"\4" + struct.pack("<i2f", 2, 5, 6),
        "text": b" [ 7 8 ]\n",
    }
    data, offsets = b"", []
    for part in parts.values():
        offsets.append(len(data))
        data += part
    array = np.frombuffer(data, np.uint8)
    found = gather_vectors(array, np.array(offsets), list(parts), "x.ark")
    np.testing.assert_array_equal(found, [[1, 2], [3, 4], [5, 6], [7, 8]])
    for row, (offset, name) in enumerate(zip(offsets, parts)):
        np.testing.assert_array_equal(vector_at(array, offset, name), found[row])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (b"\0BCM \4", "a compressed matrix"),
        (b"nothing", "no Kaldi vector at byte 0"),
        (b"\0BFV \4\1", "ends inside this vector"),
        (b"\0BFV \4" + struct.pack("<i", 9) + b"1234", "ends inside this vector"),
        (b"\0BFV \5" + struct.pack("<if", 1, 1), "size is not written in 4 bytes"),
        (b"\0BFM \4" + struct.pack("<i", 2) + b"\4" + struct.pack("<iff", 1, 1, 2), "a matrix of 2 rows"),
    ],
)
def test_a_bad_header_is_named(entry: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"^here.*{message}"):
        binary_entry(entry, 0, "here")


def test_embeddings_of_two_sizes(matrix: np.ndarray) -> None:
    one, _ = ark_bytes(["a"], matrix[:1])
    two, _ = ark_bytes(["b"], matrix[:1, :3])
    with pytest.raises(InputError, match="'b' has 3 numbers, 'a' has 7"):
        scan_ark(np.frombuffer(one + two, np.uint8), "x.ark")
