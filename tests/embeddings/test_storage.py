"""Embeddings on disk: what Kaldi and numpy write is read, what is wrong is named in one line."""

import gzip
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speakerssl.embeddings.storage import Embeddings, read_embeddings, read_vector, write_embeddings
from speakerssl.errors import InputError

IDS = ["id1/a/1.wav", "id1/b/22.wav", "ü3", "speaker-4"]


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((4, 7)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["ark", "scp", "npz"])
def test_what_is_written_reads_back(tmp_path: Path, matrix: np.ndarray, suffix: str) -> None:
    paths = write_embeddings(tmp_path / "new" / "set", IDS, matrix)
    found = read_embeddings(paths[suffix])
    assert found.ids == IDS
    np.testing.assert_array_equal(found.matrix, matrix)
    assert found.matrix.dtype == np.float32
    assert sorted(p.name for p in (tmp_path / "new" / "set").iterdir()) == ["xvector.ark", "xvector.npz", "xvector.scp"]


def test_kaldiio_reads_what_we_write(tmp_path: Path, matrix: np.ndarray) -> None:
    paths = write_embeddings(tmp_path, IDS, matrix, stem="spk_xvector")
    loaded = kaldiio.load_scp(str(paths["scp"]))
    assert list(loaded) == IDS
    for row, name in enumerate(IDS):
        np.testing.assert_array_equal(loaded[name], matrix[row])
    assert paths["scp"].name == "spk_xvector.scp"


@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1], ids=["vector", "matrix of one row"])
def test_all_that_kaldiio_writes_is_read(
    tmp_path: Path, matrix: np.ndarray, text: bool, dtype: type, rows: int
) -> None:
    ark, scp = tmp_path / "a.ark", tmp_path / "a.scp"
    content = {name: (row[None] if rows else row).astype(dtype) for name, row in zip(IDS, matrix)}
    kaldiio.save_ark(str(ark), content, scp=str(scp), text=text)
    for path in (ark, scp):
        found = read_embeddings(path)
        assert found.ids == IDS
        np.testing.assert_allclose(found.matrix, matrix, rtol=1e-6)


def test_gzip_and_npy(tmp_path: Path, matrix: np.ndarray) -> None:
    paths = write_embeddings(tmp_path, IDS, matrix)
    zipped = tmp_path / "zipped.ark"
    zipped.write_bytes(gzip.compress(paths["ark"].read_bytes()))
    np.testing.assert_array_equal(read_embeddings(zipped).matrix, matrix)
    np.save(tmp_path / "plain.npy", matrix)
    (tmp_path / "plain.ids").write_text("\n".join(IDS))
    assert read_embeddings(tmp_path / "plain.npy").ids == IDS


def test_index_names_the_unknown(matrix: np.ndarray) -> None:
    embeddings = Embeddings(IDS, matrix, "a.scp")
    np.testing.assert_array_equal(embeddings.index(iter(IDS[::-1])), [3, 2, 1, 0])
    np.testing.assert_array_equal(embeddings.select(IDS[1:2]).matrix, matrix[1:2])
    with pytest.raises(InputError, match=r"^a.scp: no embedding for 'who' \(and 1 more\)$"):
        embeddings.index(["id1/a/1.wav", "who", "what"])


@pytest.mark.parametrize(("content", "shape"), [(b" [ 1 2.5 -3 ]\n", 3), (b"\0BFV \4\2\0\0\0" + b"\0" * 8, 2)])
def test_one_vector(tmp_path: Path, content: bytes, shape: int) -> None:
    (tmp_path / "mean.vec").write_bytes(content)
    assert read_vector(tmp_path / "mean.vec").shape == (shape,)
    np.save(tmp_path / "mean_vec.npy", np.arange(3.0))
    np.testing.assert_array_equal(read_vector(tmp_path / "mean_vec.npy"), [0, 1, 2])


def test_nan_is_found_and_overflow_is_not_mistaken_for_it(tmp_path: Path, matrix: np.ndarray) -> None:
    huge = matrix.copy()
    huge[1] = 3e38
    np.testing.assert_array_equal(read_embeddings(write_embeddings(tmp_path, IDS, huge)["scp"]).matrix, huge)
    matrix[2, 3] = np.nan
    with pytest.raises(InputError, match=r"the embedding of 'ü3' holds NaN"):
        write_embeddings(tmp_path, IDS, matrix)
    np.savez(tmp_path / "bad.npz", ids=np.array(IDS), embeddings=matrix)
    with pytest.raises(InputError, match=r"bad.npz: the embedding of 'ü3' holds NaN"):
        read_embeddings(tmp_path / "bad.npz")


def _broken(tmp_path: Path, matrix: np.ndarray, kind: str) -> Path:
    paths = write_embeddings(tmp_path, IDS, matrix)
    ark, scp = paths["ark"], paths["scp"]
    lines = scp.read_text().splitlines()
    if kind == "truncated":
        ark.write_bytes(ark.read_bytes()[:-5])
    elif kind == "missing":
        ark.unlink()
    elif kind == "twice":
        scp.write_text("\n".join([*lines, lines[1]]))
    elif kind == "columns":
        scp.write_text("\n".join([lines[0], lines[1] + " more", *lines[2:]]))
    elif kind == "offset":
        scp.write_text("\n".join([lines[0], lines[1][:-1] + "x", lines[2] + "9" * 9]))
    elif kind == "elsewhere":
        scp.write_text("\n".join([lines[0], lines[1] + "1"]))
    elif kind == "command":
        scp.write_text(f"{IDS[0]} copy-vector {ark} - |")
    elif kind == "sizes":
        other = write_embeddings(tmp_path, ["long"], np.ones((1, 9)), stem="other")
        scp.write_text("\n".join(lines) + "\n" + other["scp"].read_text())
    elif kind == "empty":
        scp.write_text("")
    elif kind == "frames":
        kaldiio.save_ark(str(ark), {"f": np.ones((3, 7), np.float32)}, scp=str(scp))
    return scp


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", r"xvector.ark: 'speaker-4': the archive ends inside this vector \(truncated\)"),
        ("missing", r"xvector.scp: the archive '.*xvector.ark' of 'id1/a/1.wav' is not there"),
        ("twice", r"xvector.scp: the id 'id1/b/22.wav' stands twice"),
        ("columns", r"xvector.scp: the archive '.*ark:\d+ more' of 'id1/b/22.wav' is not there"),
        ("offset", r"the archive '.*x' of 'id1/b/22.wav' is not there"),
        ("elsewhere", r"xvector.ark: 'id1/b/22.wav': no Kaldi vector at byte"),
        ("command", r"xvector.scp:1: a command"),
        ("sizes", r"xvector.scp: 'long' has 9 numbers, 'id1/a/1.wav' has 7"),
        ("empty", r"xvector.scp: is empty"),
        ("frames", r"xvector.ark: 'f': a matrix of 3 rows"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, matrix: np.ndarray, kind: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_embeddings(_broken(tmp_path, matrix, kind))
    assert "\n" not in str(caught.value)


def test_other_files(tmp_path: Path, matrix: np.ndarray) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_embeddings(tmp_path / "no.scp")
    with pytest.raises(InputError, match="cannot be read"):
        read_embeddings(tmp_path / "no.npz")
    with pytest.raises(InputError, match=r"from .scp, .ark, .npz or .npy files, not '.pt'"):
        read_embeddings(tmp_path / "model.pt")
    np.savez(tmp_path / "other.npz", x=matrix)
    with pytest.raises(InputError, match="has no array 'ids'"):
        read_embeddings(tmp_path / "other.npz")
    (tmp_path / "short.ark").write_text("a [ 1 2 ]\nb [ 1 2 3 ]\n")
    with pytest.raises(InputError, match=r"short.ark: 'b' has 3 numbers, 'a' 2"):
        read_embeddings(tmp_path / "short.ark")
    (tmp_path / "half.ark").write_text("a [ 1 2 ]\nb [ 1 2")
    with pytest.raises(InputError, match="no closing bracket"):
        read_embeddings(tmp_path / "half.ark")
    with pytest.raises(InputError, match="white space"):
        write_embeddings(tmp_path, ["a b"], matrix[:1])
    with pytest.raises(InputError, match="2 ids and an array of shape"):
        write_embeddings(tmp_path, ["a", "b"], matrix)


TOKENS = [b" ", b"\n", b"|", b":", b"999999999999", b"[", b"]", b"\0B"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_a_declared_error(tmp_path: Path, data: st.DataObject) -> None:
    """A short fuzz of archives (binary and text) and scps: read, or refused in one line."""
    kind = data.draw(st.sampled_from(["binary", "text", "scp"]))
    write_embeddings(tmp_path, ["a", "bb"], np.ones((2, 3), np.float32))
    seeds = {
        "binary": (tmp_path / "xvector.ark").read_bytes(),
        "text": b"a [ 1 2 3 ]\nbb [ 4 5 6 ]\n",
        "scp": b"a xvector.ark:2\nbb xvector.ark:27\n",
    }
    content = bytearray(seeds[kind])
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, max(len(content) - 1, 0)))
        action = data.draw(st.sampled_from(["set", "cut", "insert", "double"]))
        if action == "set" and content:
            content[place] = data.draw(st.integers(0, 255))
        elif action == "cut":
            del content[place : place + data.draw(st.integers(1, 12))]
        elif action == "insert":
            content[place:place] = data.draw(st.sampled_from(TOKENS))
        else:
            content[place:place] = content[place : place + 9]
    path = tmp_path / ("fuzz.scp" if kind == "scp" else "fuzz.ark")
    path.write_bytes(content)
    message = ""
    try:
        read_embeddings(path)
    except InputError as error:
        message = str(error)
    assert "\n" not in message
