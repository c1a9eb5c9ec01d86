"""A real cluster of two machines' processes on this one: a lost machine costs time and nothing else."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from speakerssl.errors import InputError, JobError
from speakerssl.executors import on_executor
from speakerssl.processes import map_processes

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 120  # seconds for what takes one on an idle machine
JOBS = '''
import os, sys, time
from pathlib import Path
from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.executors import on_executor
from speakerssl.processes import map_processes

def start(folder):
    globals()["folder"] = Path(folder)

def work(item):
    """Waits while there is a file `hold`; refuses 99."""
    (folder / f"{item}-{os.getpid()}-{os.environ.get('NODE')}").touch()
    while (folder / "hold").exists():
        time.sleep(0.05)
    if item == 99:
        raise InputError("item 99 is wrong")
    return item, [item / 3] * item, 1 / item

def connected(address):
    """The head listens before it answers."""
    end = time.monotonic() + 60
    while True:
        try:
            block = on_executor("ray", {"address": address})
            block.__enter__()
            return block
        except InputError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)

def results(items, folder):
    try:
        return list(map_processes(work, items, 2, start, (folder,)))
    except SpeakerSSLError as error:
        return f"{type(error).__name__}: {error}"

if __name__ == "__main__":
    import jobs  # the module that workers know, not __main__
    address, folder = sys.argv[1:]
    expected = jobs.results(range(1, 10), folder)
    (Path(folder) / "hold").touch()
    block = connected(address)
    assert jobs.results(range(1, 10), folder) == expected
    assert jobs.results([1, 99], folder) == "InputError: item 99 is wrong"
    block.__exit__(None, None, None)
    print("all equal")
'''


class Node:
    """`ray start --block` in a session of its own, so that all its processes can be found and ended."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", *arguments]
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--object-store-memory=80000000", "--disable-usage-stats"],
                stdout=log, stderr=subprocess.STDOUT, env={**environment, "NODE": name}, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to every process of the session, until none is left."""
        until(lambda: not [os.kill(pid, signal.SIGKILL) for pid in self.alive()], "a process of Ray stays")
        self.process.wait()

    def alive(self) -> list[int]:
        """Processes of the session that have not ended."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = (path / "stat").read_text().rpartition(")")[2].split()[:4]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(session) == self.process.pid and state != "Z":
                found.append(int(path.name))
        return found


def until(condition: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "jobs.py").write_text(JOBS)
    quick = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "3"}
    return {**os.environ, **quick, "PYTHONPATH": f"{tmp_path}:{ROOT}", "RAY_health_check_initial_delay_ms": "0"}


@pytest.fixture
def cluster(tmp_path: Path, environment: dict[str, str]) -> Iterator[tuple[str, Node]]:
    """The address of the head, and the worker."""
    pytest.importorskip("ray", reason="ray is not installed: pip install speakerssl[ray]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder, nodes = tempfile.mkdtemp(prefix="ray"), []  # a socket's path is at most 107 bytes long
    try:
        head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        nodes.append(Node("head", tmp_path, environment, *head))
        until(lambda: answers(port), "the head does not answer")
        nodes.append(Node("worker", tmp_path, environment, f"--address=127.0.0.1:{port}"))
        yield f"127.0.0.1:{port}", nodes[1]
    finally:
        for node in reversed(nodes):
            node.kill()
        shutil.rmtree(folder)
    assert not any(node.alive() for node in nodes)


@pytest.mark.slow
def test_a_machine_that_is_lost_in_mid_job_changes_nothing(
    tmp_path: Path, environment: dict[str, str], cluster: tuple[str, Node]
) -> None:
    address, worker = cluster
    work = tmp_path / "work"
    work.mkdir()
    driver = subprocess.Popen(
        [sys.executable, str(tmp_path / "jobs.py"), address, str(work)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        until(
            lambda: driver.poll() is not None or all(list(work.glob(f"*-{n}")) for n in ("head", "worker")), "no work"
        )
        assert driver.poll() is None, driver.communicate()[0]
        lost = next(work.glob("*-worker")).name.split("-")[0]
        worker.kill()
        (work / "hold").unlink()
        said = driver.communicate(timeout=DEADLINE)[0]
    finally:
        driver.kill()
        driver.wait()
    assert "all equal" in said.splitlines(), said  # Ray's own remarks may come later
    assert list(work.glob(f"{lost}-*-head")), "what the lost machine had begun was not done again"


class LostError(Exception):
    """In the place of `ray.exceptions.RayError`."""


class TaskError(LostError):
    """In the place of `ray.exceptions.RayTaskError`."""

    cause = ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    ("raised", "seen", "said"),
    [
        (
            LostError("the worker died\nunexpectedly"),
            JobError,
            "a task was lost 3 times, or its result: the worker died",
        ),
        (TaskError(), ZeroDivisionError, "division by zero"),
    ],
)
def test_what_ray_raises_becomes_what_a_person_sees(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, seen: type[Exception], said: str
) -> None:
    cancelled: list[object] = []

    def get(task: object) -> None:
        raise raised

    fake = SimpleNamespace(
        is_initialized=lambda: True,
        remote=lambda **needs: lambda function: SimpleNamespace(remote=lambda share: share),
        get=get,
        cancel=lambda task, force: cancelled.append(task),
    )
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.exceptions", SimpleNamespace(RayError=LostError, RayTaskError=TaskError))
    with pytest.raises(seen, match=f"^{said}"), on_executor("ray"):
        list(map_processes(abs, [1, 2], 2, print))
    assert len(cancelled) == 2


def test_options_are_checked_before_a_cluster_is_looked_for() -> None:
    for options, said in (
        ({"cpus": "1"}, "unknown --executor-option of ray 'cpus'; the known ones are: address, cpus_per_task"),
        ({"mem_gb": "much"}, "--executor-option mem_gb=much: must be a number"),
    ):
        with pytest.raises(InputError, match=said), on_executor("ray", options):
            pass


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"needs ray: pip install speakerssl\[ray\]"), on_executor("ray"):
        pass
