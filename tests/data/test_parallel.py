"""Look-ups on several threads: in order, each error in its place."""

import threading

import pytest

from speakerssl.data.parallel import map_threads
from speakerssl.errors import InputError


def test_results_are_in_order_over_more_than_one_batch() -> None:
    items = list(range(2500))
    assert list(map_threads(lambda item: item * item, items)) == [(item, item * item) for item in items]


def test_threads_work_at_once() -> None:
    meeting = threading.Barrier(3)
    list(map_threads(lambda _: meeting.wait(timeout=30), range(3), threads=3))  # one alone would never get past


def test_an_input_error_takes_the_place_of_its_result() -> None:
    def half(item: int) -> float:
        if item % 2:
            raise InputError(f"{item} is odd")
        return item / 2

    found = dict(map_threads(half, [4, 5, 6]))
    assert (found[4], found[6]) == (2.0, 3.0)
    assert isinstance(found[5], InputError)
    assert str(found[5]) == "5 is odd"


def test_any_other_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_threads(lambda item: 1 / item, [1, 0]))
