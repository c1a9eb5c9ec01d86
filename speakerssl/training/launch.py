"""Several training processes on this machine, as torchrun starts them, but with one clear line when one fails."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from speakerssl.constants import FAILURE_FILE, LAUNCHER

POLL = 0.2  # seconds
PATIENCE = 10.0  # seconds that the others have to end, once one has failed or a signal has come


def launch(arguments: Sequence[str], processes: int) -> int:
    """Runs `speakerssl ARGUMENTS` in `processes` processes of one group; returns the first failure's status, or 0.

    The first process has the terminal. A process leaves the message of an expected error in a file of its own, and one
    message, of the process that failed first, is shown when all have ended; what else the others say is shown only
    where one of them fails without a message. One that was killed ends the run with a line that says so. SIGTERM and
    SIGINT are passed on; the processes, which then write a checkpoint, end with this one however it ends.
    """
    group = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    group[LAUNCHER] = str(os.getpid())
    command = [sys.executable, "-m", "speakerssl.cli.main", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for rank in range(processes):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank), FAILURE_FILE: f"{folder}/failure-{rank}"}
            with open(f"{folder}/log-{rank}", "wb") as log:
                stderr = None if rank == 0 else log
                children.append(subprocess.Popen(command, env={**os.environ, **group, **place}, stderr=stderr))
        with _passing_on(children) as passed:
            try:
                rank, status = _wait(children)
            finally:
                _end(children)
        if status:
            said = [_read(folder, f"failure-{rank}"), *(_read(folder, f"failure-{r}") for r in range(processes))]
            words = _read(folder, f"log-{rank}")
            if passed and status == -passed[0]:  # a process had not come so far that it answers
                status = 128 + passed[0]
                said = [f"speakerssl train: stopped by signal {passed[0]} before the first step\n"]
            elif status < 0:
                said, words = [], f"{words}{_killed(rank, processes, -status)}\n"
            sys.stderr.write(next(filter(None, [*said, words]), ""))
    return status if status >= 0 else 1


def _killed(rank: int, processes: int, number: int) -> str:
    name = signal.Signals(number).name
    memory = " (out of memory?)" if number == signal.SIGKILL else ""
    return (
        f"speakerssl train: process {rank} of {processes} was killed by {name}{memory}; "
        "the same command goes on from the last checkpoint"
    )


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> tuple[int, int]:
    """The rank and status (below 0: killed by that signal) of the first child that fails, or (0, 0) when all are done.

    Of several that failed meanwhile it is one that was killed, since the others then fail for want of it.
    """
    while True:
        states = [child.poll() for child in children]
        failed = [(rank, state) for rank, state in enumerate(states) if state]
        if failed:
            return min(failed, key=lambda one: one[1] >= 0)
        if all(state == 0 for state in states):
            return 0, 0
        time.sleep(POLL)


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    end = time.monotonic() + PATIENCE
    for child in children:
        try:
            child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def _passing_on(children: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """SIGTERM and SIGINT go to the children, whose end then ends this process; gives the list of those passed on."""
    passed: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        passed.append(number)
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield passed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(folder: str, name: str) -> str:
    path = Path(folder, name)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
