"""What one process keeps, processes forked from it find."""

import multiprocessing
import pickle

import numpy as np
import pytest

from speakerssl.augment.shared_arrays import SharedArrays


def fill(store: SharedArrays, first: int, count: int) -> None:
    for number in range(first, first + count):
        store.put((number, 0, 7), np.full(100, number, np.int16))


def test_arrays_come_back_and_cannot_be_written_to() -> None:
    store = SharedArrays(np.complex64, 1)
    values = (np.arange(5) * (1 + 2j)).astype(np.complex64)
    assert store.get((1, 2, 3)) is None
    assert store.put((1, 2, 3), values)
    found = store.get((1, 2, 3))
    assert found is not None
    np.testing.assert_array_equal(found, values)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0
    assert store.get((1, 2, 4)) is None


def test_what_comes_when_it_is_full_is_not_kept() -> None:
    store = SharedArrays(np.int16, 0.01)
    kept = [store.put((number, 0, 0), np.zeros(1000, np.int16)) for number in range(10)]
    assert kept == [True] * 5 + [False] * 5
    assert store.put((0, 0, 0), np.zeros(1000, np.int16))  # it is there already
    assert sum(store.get((number, 0, 0)) is not None for number in range(10)) == 5


def test_forked_processes_share_what_they_keep() -> None:
    store = SharedArrays(np.int16, 4)
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=fill, args=(store, first, 60)) for first in (0, 30, 90)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    for number in range(150):
        np.testing.assert_array_equal(store.get((number, 0, 7)), np.full(100, number))


def test_a_pickled_store_is_empty_and_works() -> None:
    store = SharedArrays(np.int16, 1)
    fill(store, 0, 1)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.get((0, 0, 7)) is None
    assert copy.put((0, 0, 7), np.ones(3, np.int16))
