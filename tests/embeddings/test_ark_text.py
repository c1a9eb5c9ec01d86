"""Text archives, as Kaldi's `ark,t:` writes them."""

import numpy as np
import pytest

from speakerssl.embeddings.ark_text import BOM, decode, read_text_ark, text_vector
from speakerssl.errors import InputError


@pytest.mark.parametrize(
    "raw", [b"a  [ 1 -2.5e1 ]\nb  [ 3 4 ]\n", BOM + b"a [\n  1 -25 ]\nb [ 3 4 ]", b"a[1 -25]b[3 4]"]
)
def test_vectors_and_matrices_of_one_row(raw: bytes) -> None:
    names, rows = read_text_ark(raw, "x.ark")
    assert names == ["a", "b"]
    np.testing.assert_array_equal(rows, np.array([[1, -25], [3, 4]], np.float32))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a [ 1 2", "last vector has no closing bracket"),
        (b"", "holds no vectors"),
        (b"a b [ 1 ]", "not an archive of vectors"),
        (b"[ 1 ]", "not an archive of vectors"),
        (b"a 1 2 ]", "not an archive of vectors"),
        (b"a [ 1 2 ]\nb [ 1 ]", "'b' has 1 numbers, 'a' 2; embeddings must have one size"),
        (b"a [ one ]", "x.ark: 'a' holds something that is not a number"),
        (b"\xff [ 1 ]", "not UTF-8 text near byte 0"),
    ],
)
def test_what_is_wrong_is_named(raw: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text_ark(raw, "x.ark")


def test_one_vector_with_or_without_brackets() -> None:
    for numbers in (b"1 2 3", b"[ 1 2 3 ]\n", b"\t[1 2 3]"):
        np.testing.assert_array_equal(text_vector(numbers, "here"), [1, 2, 3])
    assert decode(BOM + "ü".encode(), "x") == "ü"
