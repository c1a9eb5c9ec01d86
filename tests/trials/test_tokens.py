"""The kernels of text tables, against what Python says of the same tokens."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speakerssl.errors import InputError
from speakerssl.trials.tokens import IdNumbers, is_number, parse_numbers


def placed(tokens: list[bytes]) -> tuple[bytes, np.ndarray, np.ndarray]:
    """The tokens in one text, where each begins, and its length."""
    lengths = np.array([len(token) for token in tokens], np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1] + 1)]).astype(np.int32)
    return b" ".join(tokens) + b" ", starts, lengths


def number(ids: IdNumbers, tokens: list[str]) -> list[int]:
    text, starts, lengths = placed([token.encode() for token in tokens])
    return ids.add(np.frombuffer(text, np.uint8), starts, lengths).tolist()


@given(st.lists(st.lists(st.text("abé/", min_size=1, max_size=4), min_size=1, max_size=30), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_ids_are_numbered_as_a_dictionary_would_over_all_blocks(blocks: list[list[str]]) -> None:
    ids, known = IdNumbers(), dict[str, int]()
    for tokens in blocks:
        assert number(ids, tokens) == [known.setdefault(token, len(known)) for token in tokens]
    assert ids.names("x") == list(known)


def test_more_ids_than_the_first_table_holds() -> None:
    ids, tokens = IdNumbers(), [f"id{i}/{'x' * (i % 50)}" for i in range(10_000)]
    assert number(ids, tokens) == list(range(10_000))
    assert number(ids, tokens[::-1]) == list(range(10_000))[::-1]
    assert ids.names("x") == tokens


def test_what_is_no_text_is_named() -> None:
    ids = IdNumbers()
    text, starts, lengths = placed([b"good", b"b\xffd"])
    ids.add(np.frombuffer(text, np.uint8), starts, lengths)
    with pytest.raises(InputError, match=r"^list: column 2 is not UTF-8 text: b'b\\xffd'"):
        ids.names("list: column 2")


@given(st.lists(st.floats().map(repr) | st.decimals(-1000, 1000, places=6).map(str), min_size=1, max_size=20))
@example(
    ["1e400", "-0.0", "1e-320", "123456789012345678901234567890", "0.1", ".5", "5.", "+1", "1E5", "infinity", "NaN"]
)
@settings(max_examples=100, deadline=None)
def test_numbers_are_those_of_python_to_the_last_bit(tokens: list[str]) -> None:
    values, odd = parse_numbers(*placed([token.encode() for token in tokens]))
    assert odd == -1
    np.testing.assert_array_equal(values, [float(token) for token in tokens])


@pytest.mark.parametrize("token", ["a", "1_0", "1e", "--1", "1.2.3", "0x10", "e5", "."])
def test_the_first_row_that_is_no_number_is_told(token: str) -> None:
    assert not is_number(token)
    assert not is_number(token.encode())
    assert parse_numbers(*placed([b"1.5", b"nan", token.encode(), b"x"]))[1] == 2
