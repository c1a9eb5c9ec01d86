"""A clock that jumps: a year back or a day ahead, between a stop and the next start and in mid-run."""

import os
import shutil
import time
from pathlib import Path

import pytest

from speakerssl.resume import output_lock

from .conftest import Bench, Watch

YEAR, DAY = -365 * 86400.0, 86400.0
NAMES = ("prepare", "features", "shard", "train", "extract", "validate", "cluster", "score", "norm", "report")


class Clock:
    """The time of day of this process, which `jump` moves; the monotonic clock goes on, as the kernel's does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        now, now_ns = time.time, time.time_ns
        localtime, strftime = time.localtime, time.strftime
        monkeypatch.setattr(time, "time", lambda: now() + self.ahead)
        monkeypatch.setattr(time, "time_ns", lambda: now_ns() + int(self.ahead * 1e9))
        monkeypatch.setattr(time, "localtime", lambda at=None: localtime(now() + self.ahead if at is None else at))
        monkeypatch.setattr(time, "strftime", lambda form, at=None: strftime(form, at or time.localtime()))

    def jump(self, seconds: float) -> None:
        """From now on the clock is `seconds` off what it was."""
        self.ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def _date(folder: Path, seconds: float) -> None:
    """Every file of `folder` looks as if it had been written `seconds` after it was."""
    for path in folder.rglob("*"):
        state = path.stat()
        os.utime(path, ns=(state.st_atime_ns + int(seconds * 1e9), state.st_mtime_ns + int(seconds * 1e9)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seconds", [YEAR, DAY], ids=["a year back", "a day ahead"])
def test_in_mid_run_and_before_the_next_start(
    bench: Bench, clock: Clock, when_opened: Watch, tmp_path: Path, name: str, seconds: float
) -> None:
    """The clock jumps while the verb reads; then its output looks that much older or newer, and it is run again."""
    out = tmp_path / "out"
    whole = tmp_path / "whole" / "out"  # the page of a model has the folder's name
    assert bench.run(name, whole).status == 0
    expected = bench.contents(whole)
    inputs = {"cluster": "vectors/xvector.ark", "score": "trials", "norm": "score/scores", "report": "trials"}
    when_opened(bench.work / inputs.get(name, "audio/s0-0.flac"), lambda: clock.jump(seconds))
    said = bench.run(name, out)
    assert said.status == 0, said
    assert "Traceback" not in "".join(said.lines)
    assert clock.ahead == seconds or name == "shard", "whose worker reads, and has the jump to itself"
    assert bench.difference(expected, out) == ""
    _date(out, seconds)
    assert bench.run(name, out).status == 0
    assert bench.difference(expected, out) == ""


@pytest.mark.parametrize("name", ["features", "extract", "train"])
@pytest.mark.parametrize("seconds", [YEAR, DAY], ids=["a year back", "a day ahead"])
def test_recordings_that_look_older_or_newer_give_the_same(
    bench: Bench, tmp_path: Path, name: str, seconds: float
) -> None:
    """By default another date is a change: all is made again, to the same bytes; `--verify content` keeps it."""
    out = tmp_path / "out"
    assert bench.run(name, out).status == 0
    expected = bench.contents(out)
    expected.pop("identity.json", None)  # which holds the dates
    _date(bench.work / "audio", seconds)
    assert bench.run(name, out).status == 0
    (out / "identity.json").unlink(missing_ok=True)
    assert bench.difference(expected, out) == ""


def test_shards_of_recordings_with_another_date_are_refused_with_the_cure(bench: Bench, tmp_path: Path) -> None:
    by_date, by_content = tmp_path / "date", tmp_path / "content"
    assert bench.run("shard", by_date).status == 0
    assert bench.run("shard", by_content, "--verify", "content").status == 0
    before = bench.contents(by_date), bench.contents(by_content)
    _date(bench.work / "audio", YEAR)
    bench.run("shard", by_date).refuses(by_date, "recordings: 6 changed", "remove it or name another --output")
    assert bench.run("shard", by_content, "--verify", "content").status == 0
    assert (bench.contents(by_date), bench.contents(by_content)) == before
    shutil.rmtree(by_date)
    assert bench.run("shard", by_date).status == 0


def test_a_lock_has_no_age(clock: Clock, tmp_path: Path) -> None:
    """It belongs to its process for as long as that lives, and to nobody afterwards, whatever the clock says."""
    child = os.fork()
    if child == 0:
        with output_lock(tmp_path):
            (tmp_path / "held").touch()
            time.sleep(60)
        os._exit(0)
    try:
        while not (tmp_path / "held").exists():
            time.sleep(0.01)
        for seconds in (DAY, YEAR):
            clock.jump(seconds)
            _date(tmp_path, seconds)
            with pytest.raises(Exception, match="is writing here"), output_lock(tmp_path):
                pass
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    with output_lock(tmp_path):
        pass
    assert not (tmp_path / ".lock").exists()
