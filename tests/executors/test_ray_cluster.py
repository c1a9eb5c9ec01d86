"""A real cluster of two machines' processes on this one: a lost machine costs time and nothing else."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from speakerssl.errors import InputError, JobError
from speakerssl.executors import on_executor
from speakerssl.executors.choice import map_elsewhere
from speakerssl.executors.share import Share, result_of
from speakerssl.processes import map_processes
from tests.ray_nodes import DEADLINE, Node, until

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


@pytest.fixture
def jobs_module(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.py"
    path.write_text(JOBS)
    return path


@pytest.mark.slow
def test_a_machine_that_is_lost_in_mid_job_changes_nothing(
    tmp_path: Path, jobs_module: Path, ray_environment: dict[str, str], ray_cluster: tuple[str, Node]
) -> None:
    address, worker = ray_cluster
    work = tmp_path / "work"
    work.mkdir()
    driver = subprocess.Popen(
        [sys.executable, str(jobs_module), address, str(work)],
        env=ray_environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
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
    cancelled, fake = fake_ray(raised, connected=True)
    put_in_place(monkeypatch, fake)
    with pytest.raises(seen, match=f"^{said}"), on_executor("ray"):
        list(map_processes(abs, [1, 2, 3], 3, print))
    assert [share.items for share in cancelled] == [[2]]  # neither the one that failed, nor the one that is done


def test_with_a_connection_of_our_own_what_is_left_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray ends the whole program where a task is done while it is cancelled."""
    cancelled, fake = fake_ray(TaskError(), connected=False)
    put_in_place(monkeypatch, fake)
    with pytest.raises(ZeroDivisionError), on_executor("ray"):
        list(map_processes(abs, [1, 2, 3], 3, print))
    assert not cancelled
    assert fake.is_shut_down


def test_a_reader_that_stops_early_cancels_nothing_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled, fake = fake_ray(None, connected=True)
    put_in_place(monkeypatch, fake)
    with on_executor("ray"):
        found = map_elsewhere(abs, [-1, -2, -3], 3, consecutive=True)
        assert [next(found), next(found), next(found)] == [1, 2, 3]
        del found
    assert not cancelled


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


def fake_ray(raised: Exception | None, connected: bool) -> tuple[list[Share], SimpleNamespace]:
    """What it was told to cancel, and a Ray whose first task raises and whose last is done before it is asked for."""
    cancelled: list[Share] = []

    def get(task: Share) -> list[int]:
        if raised is not None:
            raise raised
        return result_of(task())

    fake = SimpleNamespace(is_shut_down=False, get=get, is_initialized=lambda: connected, init=lambda **options: None)
    fake.shutdown = lambda: setattr(fake, "is_shut_down", True)
    fake.remote = lambda **needs: lambda function: SimpleNamespace(remote=lambda share: share)
    fake.wait = lambda tasks, num_returns, timeout: (tasks[-1:], tasks[:-1])
    fake.cancel = lambda task, force: cancelled.append(task)
    return cancelled, fake


def put_in_place(monkeypatch: pytest.MonkeyPatch, fake: SimpleNamespace) -> None:
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.exceptions", SimpleNamespace(RayError=LostError, RayTaskError=TaskError))
