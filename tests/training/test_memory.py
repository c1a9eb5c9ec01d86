"""Freed memory stays in the process, where the C library is glibc."""

import ctypes

import pytest

from speakerssl.training import memory


def test_glibc_is_told_three_things(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    class Library:
        @staticmethod
        def mallopt(name: int, value: int) -> int:
            told.append((name, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library)
    assert memory.keep_freed_memory()
    assert {name for name, _ in told} == {-1, -2, -4}  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX of malloc.h


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not memory.keep_freed_memory()
