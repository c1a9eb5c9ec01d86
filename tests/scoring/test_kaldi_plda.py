"""Kaldi's plda files: bytes, both forms, floats, and files that are none."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from speakerssl.errors import InputError
from speakerssl.scoring.kaldi_plda import read_kaldi_plda, write_kaldi_plda
from speakerssl.scoring.plda import Plda

PLDA = Plda(np.array([1.0, -2.5]), np.array([[0.1, 2e-17], [3.0, 1 / 3]]), np.array([1e5, 0.0]))


def same(one: Plda, other: Plda) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("mean", "transform", "psi"))


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("suffix", ["plda", "plda.gz"])
def test_round_trip_is_exact(tmp_path: Path, text: bool, suffix: str) -> None:
    path = tmp_path / "plda"
    write_kaldi_plda(path, PLDA, text)
    if suffix.endswith("gz"):
        path = tmp_path / suffix
        path.write_bytes(gzip.compress((tmp_path / "plda").read_bytes()))
    assert same(read_kaldi_plda(path), PLDA)


def test_bytes_are_kaldis(tmp_path: Path) -> None:
    path = tmp_path / "plda"
    write_kaldi_plda(path, PLDA)
    vector = b"DV \x04" + struct.pack("<i2d", 2, 1.0, -2.5)
    matrix = b"DM \x04" + struct.pack("<i", 2) + b"\x04" + struct.pack("<i4d", 2, 0.1, 2e-17, 3.0, 1 / 3)
    expected = b"\0B<Plda> " + vector + matrix + b"DV \x04" + struct.pack("<i2d", 2, 1e5, 0.0) + b"</Plda> "
    assert path.read_bytes() == expected


def test_floats_and_kaldis_text(tmp_path: Path) -> None:
    path = tmp_path / "plda"
    vector = b"FV \x04" + struct.pack("<i2f", 2, 1.5, -2.5)
    matrix = b"FM \x04" + struct.pack("<i", 2) + b"\x04" + struct.pack("<i4f", 2, 1, 0, 0, 1)
    path.write_bytes(b"\0B<Plda> " + vector + matrix + vector + b"</Plda> ")
    assert read_kaldi_plda(path).mean.tolist() == [1.5, -2.5]
    path.write_text("<Plda>  [ 1.5 -2.5 ]\n [\n  1 0 \n  0 1 ]\n [ 3 2 ]\n</Plda> ")
    read = read_kaldi_plda(path)
    assert read.transform.tolist() == [[1, 0], [0, 1]]
    assert read.psi.tolist() == [3, 2]


@pytest.mark.parametrize("keep", [0, 1, 2, 8, 12, 25, 60])
def test_cut_short(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "plda"
    write_kaldi_plda(path, PLDA)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"plda: not a whole Kaldi plda file"):
        read_kaldi_plda(path)


@pytest.mark.parametrize("rows", [3, 2**31 - 1])
def test_sizes_beyond_the_file(tmp_path: Path, rows: int) -> None:
    """The larger one, doubled and squared, is no size that a machine can hold."""
    path = tmp_path / "plda"
    path.write_bytes(b"\0B<Plda> DM " + 2 * struct.pack("<bi", 4, rows) + bytes(60))
    with pytest.raises(InputError, match="not a whole Kaldi plda file: it ends early"):
        read_kaldi_plda(path)


@pytest.mark.parametrize(
    "content",
    [
        "<Plda> [ 1 2 ] [ 1 0\n 0 1 ] [ 1 ] </Plda>",
        "<Plda> [ 1 2 ] [ 1 0\n 0 ] [ 1 2 ] </Plda>",
        "<Plda> [ 1 x ] [ 1 0\n 0 1 ] [ 1 2 ] </Plda>",
        "<Plda> [ 1 2 ] [ 1 0\n 0 1 ] </Plda>",
        "<Nnet3> [ 1 2 ]",
    ],
)
def test_no_plda(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plda"
    path.write_text(content)
    with pytest.raises(InputError, match="not a whole Kaldi plda file"):
        read_kaldi_plda(path)


def test_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "plda"
    write_kaldi_plda(path, Plda(np.array([np.nan, 0]), np.eye(2), np.ones(2)))
    with pytest.raises(InputError, match="NaN or infinite"):
        read_kaldi_plda(path)
