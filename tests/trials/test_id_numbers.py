"""Ids numbered in the bytes of a block, against a dictionary of strings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.errors import InputError
from speakerssl.trials.id_numbers import IdNumbers


def placed(tokens: list[bytes]) -> tuple[bytes, np.ndarray, np.ndarray]:
    """The tokens in one text, where each begins, and its length."""
    lengths = np.array([len(token) for token in tokens], np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1] + 1)]).astype(np.int32)
    return b" ".join(tokens) + b" ", starts, lengths


def number(ids: IdNumbers, tokens: list[str]) -> list[int]:
    text, starts, lengths = placed([token.encode() for token in tokens])
    return ids.add(np.frombuffer(text, np.uint8), starts, lengths).tolist()


@given(st.lists(st.lists(st.text("abé/", min_size=1, max_size=20), min_size=1, max_size=30), min_size=1, max_size=4))
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


def test_ids_that_differ_in_one_byte_anywhere() -> None:
    whole = "abcdefghijklmnopqrstuvwxyz"
    tokens = [whole[:size] for size in range(1, 27)]
    tokens += [whole[:at] + "_" + whole[at + 1 : size] for size in range(1, 27) for at in range(size)]
    ids = IdNumbers()
    assert number(ids, tokens) == list(range(len(tokens)))
    assert number(ids, tokens[::-1]) == list(range(len(tokens)))[::-1]


def test_empty_fields_are_an_id_too() -> None:
    ids = IdNumbers()
    assert number(ids, ["", "a", ""]) == [0, 1, 0]
    assert number(ids, ["", ""]) == [0, 0]
    assert ids.names("x") == ["", "a"]
