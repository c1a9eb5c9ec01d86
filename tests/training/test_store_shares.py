"""A store by several machines is that of one process, bit for bit, whoever wrote what."""

import shutil
from pathlib import Path

import pytest

from speakerssl.errors import InputError
from speakerssl.resume import output_lock
from speakerssl.training import store_parts, store_writer
from speakerssl.training.store_shares import Share
from speakerssl.training.store_writer import write_share, write_store
from tests.training.test_store_writer import BABBLE, data, job

__all__ = ["data"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "CHUNK", 1)


def contents(store: Path) -> dict[str, bytes]:
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


def forbid_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a part is made twice")

    monkeypatch.setattr(store_writer, "_write_part", refuse)


def test_shares_make_the_store_of_one_process(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = job(data, tmp_path, augment=BABBLE)
    write_store(made, tmp_path / "one", copies=2, jobs=1)
    store = tmp_path / "many"
    assert [write_share(made, store, 2, Share(number, 3), jobs=1) for number in (1, 2)] == [2, 2]
    # The third share is written elsewhere and copied.
    assert write_share(made, tmp_path / "other", 2, Share(3, 3), jobs=1) == 1
    shutil.copytree(tmp_path / "other" / "parts", store / "parts", dirs_exist_ok=True)
    with monkeypatch.context() as patch:
        forbid_work(patch)
        write_store(made, store, copies=2, jobs=1)
    assert contents(store) == contents(tmp_path / "one")
    assert write_share(made, store, 2, Share(1, 3), jobs=1) == 0  # all is there


def test_what_no_share_has_written_is_made(data: Path, tmp_path: Path) -> None:
    made = job(data, tmp_path)
    write_store(made, tmp_path / "one", copies=1, jobs=1)
    write_share(made, tmp_path / "many", 1, Share(2, 2), jobs=1)
    (tmp_path / "many" / "parts" / "2-of-2" / "000009-0123456789abcdef.npz").touch()  # of another list
    write_store(made, tmp_path / "many", copies=1, jobs=1)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


def test_a_share_goes_on_where_it_was(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = job(data, tmp_path)
    write_share(made, tmp_path / "store", 1, Share(1, 2), jobs=1)
    forbid_work(monkeypatch)
    assert write_share(made, tmp_path / "store", 1, Share(1, 2), jobs=1) == 3


def test_the_parts_are_put_together_only_when_no_share_is_being_written(data: Path, tmp_path: Path) -> None:
    made, store = job(data, tmp_path), tmp_path / "store"
    with output_lock(Share(1, 2).folder(store)), pytest.raises(InputError, match=r"1-of-2: process .* is writing here"):
        write_store(made, store, copies=1, jobs=1)
    with output_lock(store), pytest.raises(InputError, match=r"store: process .* is writing here"):
        write_share(made, store, 1, Share(1, 2), jobs=1)


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "a/b", "1/0"])
def test_shares_are_written_as_a_fraction(text: str) -> None:
    assert Share.read("2/4") == Share(2, 4)
    with pytest.raises(InputError, match=f"--part {text}: expected I/N with I from 1 to N, such as 2/4"):
        Share.read(text)
