"""Recordings that vanish or change while a verb runs, or between a stop and the next start."""

import shutil
from pathlib import Path

import pytest
import soundfile

from .conftest import Bench, Watch

FIRST, OTHER = "s0-0", "s3-3"  # the recording that is read first, and the one to which something happens then
READERS = ("prepare", "features", "shard", "extract", "validate")


def _of(bench: Bench, key: str) -> Path:
    return bench.work / "audio" / f"{key}.flac"


def _replace(path: Path, samples: int = 20000) -> None:
    """Another recording under the name of one, shorter, as a copying tool would put it there."""
    wave, rate = soundfile.read(path)
    new = path.with_name("new.flac")
    soundfile.write(new, wave[::-1][:samples], rate)
    new.rename(path)


def _failures(name: str, out: Path) -> str:
    return (out / {"validate": "problems"}.get(name, "failed.txt")).read_text()


@pytest.mark.parametrize("name", READERS)
def test_one_that_vanishes_is_named_and_comes_back(bench: Bench, when_opened: Watch, tmp_path: Path, name: str) -> None:
    """The others are done; with the recording back, the next run ends as the undisturbed one."""
    out = tmp_path / "out"
    assert bench.run(name, out).status == 0
    expected = bench.contents(out)
    shutil.rmtree(out)
    path, away = _of(bench, OTHER), tmp_path / "away.flac"
    when_opened(_of(bench, FIRST), lambda: path.rename(away), before=path)
    said = bench.run(name, out)
    assert said.status == 1
    assert "Traceback" not in "".join(said.lines)
    assert str(path) in _failures(name, out)
    assert _failures(name, out).count("No such file or directory") == 1
    away.rename(path)
    assert bench.run(name, out).status == 0
    assert bench.difference(expected, out) == ""


@pytest.mark.parametrize("name", READERS)
def test_one_that_changes_is_made_again(bench: Bench, when_opened: Watch, tmp_path: Path, name: str) -> None:
    """What was made of it while it changed is not taken for what it is now: the next run equals a fresh one."""
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    path = _of(bench, OTHER)
    when_opened(_of(bench, FIRST), lambda: _replace(path), before=path)
    first = bench.run(name, out)
    assert not first.status or name == "validate", first
    said = bench.run(name, out)
    if name == "shard":  # which a start cannot mend in place: the recordings decide where every shard begins
        said.refuses(out, "recordings: 1 changed", OTHER, "remove it")
        shutil.rmtree(out)
        said = bench.run(name, out)
    assert said.status == bench.run(name, fresh).status
    assert bench.difference(bench.contents(fresh), out) == ""


@pytest.mark.parametrize("workers", [0, 1])
def test_training_ends_by_name_and_goes_on_when_the_recording_is_back(
    bench: Bench, when_opened: Watch, tmp_path: Path, workers: int
) -> None:
    """Steps that are done stay done; the model is that of a run without the fault."""
    out, path, away = tmp_path / "out", _of(bench, OTHER), tmp_path / "away.flac"
    assert bench.run("train", bench.work / "whole").status == 0
    more = ("--set", f"data.num_workers={workers}")
    checkpoint = out / "checkpoints" / "step-00000002.pt"
    when_opened(checkpoint, lambda: path.rename(away))
    bench.run("train", out, *more).refuses(path, "No such file or directory")
    assert checkpoint.exists()
    away.rename(path)
    assert bench.run("train", out, *more).status == 0
    whole, found = (bench.contents(folder) for folder in (bench.work / "whole", out))
    assert found["model.safetensors"] == whole["model.safetensors"]
    assert sorted(found) == sorted(whole)


def test_training_ends_by_name_where_one_became_shorter(bench: Bench, when_opened: Watch, tmp_path: Path) -> None:
    """A crop that begins behind the new end is an error by name; the same command, run again, knows the new length."""
    out, path = tmp_path / "out", _of(bench, OTHER)
    when_opened(out / "checkpoints" / "step-00000002.pt", lambda: _replace(path, 1600))
    bench.run("train", out).refuses(path, "the recording is empty or ends before")
    said = bench.run("train", out)
    assert said.status == 0
    assert f"recordings: 1 changed (the first: '{OTHER}') since this run began" in "".join(said.lines)
    assert (out / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["features", "extract"])
def test_one_that_changed_between_a_stop_and_the_next_start(
    bench: Bench, when_opened: Watch, tmp_path: Path, name: str
) -> None:
    """The stop is SIGTERM's way out of Python, in the middle of the list; the end equals a run that never stopped."""
    out, fresh, path = tmp_path / "out", tmp_path / "fresh", _of(bench, FIRST)

    def stop() -> None:
        raise KeyboardInterrupt

    when_opened(_of(bench, OTHER), stop)
    assert bench.run(name, out).status == 130
    _replace(path)
    assert bench.run(name, out).status == 0
    assert bench.run(name, fresh).status == 0
    assert bench.difference(bench.contents(fresh), out) == ""
