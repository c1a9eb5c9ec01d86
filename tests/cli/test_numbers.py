"""Numbers on the command line."""

import pytest

from speakerssl.cli.numbers import at_least
from speakerssl.errors import InputError


def test_a_bound_is_allowed_and_what_is_below_named() -> None:
    assert at_least("--jobs", 0, 0) == 0
    assert at_least("--folds", 5, 2) == 5
    with pytest.raises(InputError, match=r"^--folds is 1; it must be 2 or more$"):
        at_least("--folds", 1, 2)
