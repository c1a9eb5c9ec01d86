"""Kaldi's scp files: places, spaces, several archives, damage."""

import struct
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from speakerssl.embeddings.storage import read_embeddings, write_embeddings
from speakerssl.errors import InputError


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((4, 7)).astype(np.float32)


IDS = ["id1/a/1.wav", "id1/b/22.wav", "ü3", "speaker-4"]


def test_scp_over_two_archives_in_any_order_and_one_of_single_vectors(tmp_path: Path, matrix: np.ndarray) -> None:
    one = write_embeddings(tmp_path, IDS[:2], matrix[:2], stem="one")
    two = write_embeddings(tmp_path, IDS[2:3], matrix[2:3].astype(np.float64), stem="two")
    alone = tmp_path / "alone.vec"
    alone.write_bytes(b"\0BDV \4" + struct.pack("<i", 7) + matrix[3].astype("<f8").tobytes())
    lines = one["scp"].read_text().splitlines() + two["scp"].read_text().splitlines() + [f"{IDS[3]} {alone}"]
    mixed = tmp_path / "mixed.scp"
    order = [3, 0, 2, 1]
    mixed.write_text("\n".join(lines[i] for i in order) + "\n\n")
    found = read_embeddings(mixed)
    assert found.ids == [IDS[i] for i in order]
    np.testing.assert_array_equal(found.matrix, matrix[order])


def test_places_count_from_the_working_directory_or_from_the_scp(
    tmp_path: Path, matrix: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_embeddings("exp/set", IDS, matrix)
    assert "exp/set/xvector.ark:" in Path("exp/set/xvector.scp").read_text()
    np.testing.assert_array_equal(read_embeddings("exp/set/xvector.scp").matrix, matrix)
    (tmp_path / "exp").rename(tmp_path / "moved")
    np.testing.assert_array_equal(read_embeddings("moved/set/xvector.scp").matrix, matrix)


def test_a_folder_with_spaces_and_a_byte_order_mark(tmp_path: Path, matrix: np.ndarray) -> None:
    folder = tmp_path / "my | work  folder"
    write_embeddings(folder, IDS, matrix)
    found = read_embeddings(folder / "xvector.scp")
    assert found.ids == IDS
    np.testing.assert_array_equal(found.matrix, matrix)
    theirs = kaldiio.load_scp(str(folder / "xvector.scp"))
    np.testing.assert_array_equal(theirs[IDS[2]], matrix[2])
    marked = tmp_path / "marked.scp"
    marked.write_bytes(b"\xef\xbb\xbf" + (folder / "xvector.scp").read_bytes().replace(b"\n", b" \r\n"))
    assert read_embeddings(marked).ids == IDS
    (tmp_path / "marked.ark").write_bytes(b"\xef\xbb\xbfa [ 1 2 ]\n")
    assert read_embeddings(tmp_path / "marked.ark").ids == ["a"]
    with pytest.raises(InputError, match="a line break in its name"):
        write_embeddings(tmp_path / "two\nlines", IDS, matrix)


def test_a_relative_folder_that_begins_with_a_space(tmp_path: Path, matrix: np.ndarray, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_embeddings(" work", IDS, matrix)
    assert read_embeddings(" work/xvector.scp").ids == IDS


def test_an_scp_of_npy_files_and_of_an_ark_without_offsets(tmp_path: Path, matrix: np.ndarray) -> None:
    write_embeddings(tmp_path, IDS, matrix)
    np.save(tmp_path / "one.npy", matrix[0])
    np.save(tmp_path / "two.npy", matrix[1:2].astype(np.float64))
    (tmp_path / "npy.scp").write_text(f"x {tmp_path}/one.npy\ny {tmp_path}/two.npy\nz {tmp_path}/one.npy\n")
    found = read_embeddings(tmp_path / "npy.scp")
    assert found.ids == ["x", "y", "z"]
    np.testing.assert_array_equal(found.matrix, matrix[[0, 1, 0]])
    (tmp_path / "bare.scp").write_text(f"{IDS[2]} {tmp_path}/xvector.ark\n{IDS[0]} {tmp_path}/xvector.ark\n")
    np.testing.assert_array_equal(read_embeddings(tmp_path / "bare.scp").matrix, matrix[[2, 0]])
    (tmp_path / "gone.scp").write_text(f"who {tmp_path}/xvector.ark\n")
    with pytest.raises(InputError, match=r"xvector\.ark: holds no vector 'who', and its scp gives no offset"):
        read_embeddings(tmp_path / "gone.scp")


@pytest.mark.parametrize(
    "content",
    [
        b"a",
        b"a x.ark:99999999999999999999",
        b"a x.ark:" + b"9" * 5000,
        b"a x.ark:5\nb x.ark:99999999999999999999",
        b"a x.ark:5\nb x.ark:",
        b"a x.ark:\nb x.ark:5",
        b"a x.ark:1_0",
        b"a x.ark:+5\nb y.ark:6",
        b"a \0.ark:5",
        b"a " + b"n" * 5000 + b".ark:5",
        b"a :5\nb :6",
        b"a x.ark:5\nb | x.ark:6 |",
        b"\xff x.ark:5",
        b"a \xff.ark:5",
        b"a x.ark:1000",
        b"a /:5",
    ],
)
def test_damaged_scps_are_one_line(tmp_path: Path, content: bytes) -> None:
    write_embeddings(tmp_path, ["a", "b"], np.ones((2, 3), np.float32))
    (tmp_path / "xvector.ark").rename(tmp_path / "x.ark")
    (tmp_path / "x.scp").write_bytes(content)
    with pytest.raises(InputError) as error:
        read_embeddings(tmp_path / "x.scp")
    assert "\n" not in str(error.value)
    assert len(str(error.value).replace(str(tmp_path), "")) < 300
