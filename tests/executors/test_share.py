"""A share runs as if it were where the verb was started, and leaves the process as it found it."""

import os
from pathlib import Path

import pytest

from speakerssl.errors import InputError
from speakerssl.executors.share import Share, result_of

_seen: list[str] = []


def start(word: str) -> None:
    _seen[:] = [word]


def look(item: int) -> tuple[int, str, str | None, str]:
    if item < 0:
        raise InputError("below 0")
    return item, _seen[0], os.environ.get("SPEAKERSSL_ALLOW_PIPES"), os.getcwd()


def test_folder_and_settings_are_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getcwd()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPEAKERSSL_ALLOW_PIPES", "1")
    share = Share(look, [1, 2], start, ("begun",))
    monkeypatch.chdir(here)
    monkeypatch.delenv("SPEAKERSSL_ALLOW_PIPES")
    assert result_of(share()) == [(1, "begun", "1", str(tmp_path)), (2, "begun", "1", str(tmp_path))]
    assert os.getcwd() == here
    assert "SPEAKERSSL_ALLOW_PIPES" not in os.environ


def test_errors_come_back_as_values() -> None:
    with pytest.raises(InputError, match=r"^below 0$"):
        result_of(Share(look, [1, -1], start, ("begun",))())


def test_a_folder_that_a_machine_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    share = Share(look, [1], start, ("begun",))
    monkeypatch.chdir(tmp_path)
    gone.rmdir()
    with pytest.raises(InputError, match=r"cannot enter it .* in a folder that all machines see"):
        result_of(share())
