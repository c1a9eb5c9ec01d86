"""Work on another executor: equal results, errors as they are, and a killed job is submitted again."""

import os
import signal
from pathlib import Path

import pytest

from speakerssl.errors import InputError, JobError
from speakerssl.executors import elsewhere, on_executor
from speakerssl.processes import map_processes

pytest.importorskip("submitit")
_state: dict[str, str] = {}


def start(folder: str) -> None:
    _state["folder"] = folder


def work(item: int) -> int:
    """Dies the first time that it is asked for 7, always for 8, and refuses 9."""
    mark = Path(_state["folder"]) / "died"
    if item == 8 or (item == 7 and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if item == 9:
        raise InputError("item 9 is wrong")
    return 10 * item


def run(items: list[int], folder: Path, jobs: int = 2) -> list[int]:
    with on_executor("slurm", {"cluster": "local", "folder": str(folder / "jobs")}):
        return list(map_processes(work, items, jobs, start, (str(folder),)))


@pytest.mark.slow
def test_a_killed_job_runs_again_and_the_results_are_in_order(tmp_path: Path) -> None:
    assert run([1, 2, 7, 4, 5], tmp_path) == [10, 20, 70, 40, 50]
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_an_expected_error_reaches_the_person_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^item 9 is wrong$"):
        run([9], tmp_path, 1)


def test_choices_are_checked_and_end_with_the_block(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, options, said in (
        ("slurm", {}, "this machine has no sbatch"),
        ("slurm", {"cluster": "nowhere"}, "unknown cluster 'nowhere'"),
        ("slurm", {"cluster": "local", "mem_gb": "much"}, "must be a whole number"),
    ):
        with pytest.raises(InputError, match=said), on_executor(name, options):
            pass
    with on_executor("slurm", {"cluster": "local"}):
        assert elsewhere()
    assert not elsewhere()


def test_a_wrong_option_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises((InputError, JobError), match="--executor-option"),
        on_executor("slurm", {"cluster": "local", "folder": str(tmp_path), "no_such_thing": "1"}),
    ):
        list(map_processes(work, [1], 1, start, (str(tmp_path),)))
