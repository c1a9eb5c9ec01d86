"""A real cluster of two machines' processes on this one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEADLINE = 120  # seconds for what takes one on an idle machine


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


def environment(folder: Path) -> dict[str, str]:
    """Of a cluster and of those who use it: modules in `folder` are known, a lost machine is missed soon.

    A machine that is gone refuses each of the twenty calls at once, one that is only slow has ten seconds for each.
    """
    quick = {"RAY_health_check_period_ms": "100", "RAY_health_check_failure_threshold": "20"}
    quick |= {"RAY_worker_niceness": "0"}  # by itself 15: on a busy machine its workers would wait for all else
    return {**os.environ, **quick, "PYTHONPATH": f"{folder}:{ROOT}", "RAY_health_check_initial_delay_ms": "0"}


@contextmanager
def started(port: int, logs: Path, environment: dict[str, str]) -> Iterator[Node]:
    """Head and worker, of which the worker is given: the cluster answers at `port`."""
    folder, nodes = tempfile.mkdtemp(prefix="ray"), []  # a socket's path is at most 107 bytes long
    try:
        head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        nodes.append(Node("head", logs, environment, *head))
        until(lambda: answers(port), "the head does not answer")
        nodes.append(Node("worker", logs, environment, f"--address=127.0.0.1:{port}"))
        yield nodes[1]
    finally:
        for node in reversed(nodes):
            node.kill()
        shutil.rmtree(folder)
    assert not any(node.alive() for node in nodes)
