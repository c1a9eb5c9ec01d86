"""Several training processes on this machine, as torchrun starts them, but with one clear line when one fails."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from speakerssl.constants import FAILURE_FILE

POLL = 0.2  # seconds


def launch(arguments: Sequence[str], processes: int) -> int:
    """Runs `speakerssl ARGUMENTS` in `processes` processes of one group; returns the first failure's status, or 0.

    The first process has the terminal. A process leaves the message of an expected error in a file of its own, and one
    message, of the process that failed first, is shown when all have ended; what else the others say is shown only
    where one of them fails without a message.
    """
    group = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    command = [sys.executable, "-m", "speakerssl.cli.main", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for rank in range(processes):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank), FAILURE_FILE: f"{folder}/failure-{rank}"}
            with open(f"{folder}/log-{rank}", "wb") as log:
                stderr = None if rank == 0 else log
                children.append(subprocess.Popen(command, env={**os.environ, **group, **place}, stderr=stderr))
        try:
            rank, status = _wait(children)
        finally:
            for child in children:
                if child.poll() is None:
                    child.terminate()
            for child in children:
                child.wait()
        if status:
            said = [_read(folder, f"failure-{rank}"), *(_read(folder, f"failure-{r}") for r in range(processes))]
            sys.stderr.write(next(filter(None, [*said, _read(folder, f"log-{rank}")]), ""))
    return status


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> tuple[int, int]:
    """The rank and status of the first child that fails, or (0, 0) when all are done."""
    while True:
        states = [child.poll() for child in children]
        for rank, state in enumerate(states):
            if state:
                return rank, state if state > 0 else 1
        if all(state == 0 for state in states):
            return 0, 0
        time.sleep(POLL)


def _read(folder: str, name: str) -> str:
    path = Path(folder, name)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
