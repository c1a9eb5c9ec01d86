"""Processes: their errors arrive as they are, their death is said, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speakerssl.errors import InputError, JobError
from speakerssl.processes import check_jobs, count_cores, map_processes

_base = 0


def start(base: int) -> None:
    global _base
    _base = base


def fail_to_start() -> None:
    raise InputError("noise: /nowhere: is not a folder")


def work(item: int) -> int:
    if item == 13:
        raise InputError("item 13 is wrong")
    if item == 99:
        os.kill(os.getpid(), signal.SIGKILL)
    return _base + item


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_results_come_in_order(method: str) -> None:
    assert list(map_processes(work, range(10), 2, start, (100,), method, chunksize=3)) == list(range(100, 110))


def test_what_a_worker_raises_is_what_the_person_sees() -> None:
    with pytest.raises(InputError, match=r"^item 13 is wrong$"):
        list(map_processes(work, [1, 13, 2], 2, start, (0,)))
    with pytest.raises(InputError, match=r"^noise: /nowhere: is not a folder$"):
        list(map_processes(work, [1, 2], 2, fail_to_start))


def test_a_process_that_dies_is_a_failed_job() -> None:
    with pytest.raises(JobError, match=r"a process died \(out of memory\?\); run again with fewer --jobs"):
        list(map_processes(work, [1, 99, 2], 2, start, (0,)))


def test_jobs() -> None:
    assert check_jobs(0) == check_jobs(None) == count_cores()
    assert check_jobs(3) == 3
    with pytest.raises(InputError, match="--jobs is -1"):
        check_jobs(-1)


PARENT = """
import os, sys, time
from speakerssl.processes import map_processes
def start(folder): open(os.path.join(folder, str(os.getpid())), "w").close()
def work(item): time.sleep(60)
if __name__ == "__main__":
    list(map_processes(work, range(2), 2, start, (sys.argv[1],), sys.argv[2]))
"""


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_workers_die_with_their_parent(tmp_path: Path, method: str, by: signal.Signals) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "pids"
    script.write_text(PARENT)
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(folder), method])
    deadline = time.monotonic() + 60
    while len(os.listdir(folder)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers = [int(name) for name in os.listdir(folder)]
    assert all(running(pid) for pid in workers)
    parent.send_signal(by)
    parent.wait()
    while any(running(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.01)
