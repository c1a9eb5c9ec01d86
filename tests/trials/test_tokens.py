"""The kernels of text tables, against what Python says of the same tokens."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speakerssl.trials.tokens import is_number, parse_numbers


def placed(tokens: list[bytes]) -> tuple[bytes, np.ndarray, np.ndarray]:
    """The tokens in one text, where each begins, and its length."""
    lengths = np.array([len(token) for token in tokens], np.int32)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1] + 1)]).astype(np.int32)
    return b" ".join(tokens) + b" ", starts, lengths


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
