"""Several training processes on this machine, as torchrun starts them, but with one clear line when one fails."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO

POLL = 0.2  # seconds


def launch(arguments: Sequence[str], processes: int) -> int:
    """Runs `speakerssl ARGUMENTS` in `processes` processes of one group; returns the first failure's status, or 0.

    The first process has the terminal; what the others say is shown only where one of them fails first.
    """
    environment = {
        **os.environ,
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
    }
    logs: list[IO[bytes]] = [tempfile.TemporaryFile() for _ in range(processes - 1)]  # noqa: SIM115
    children = []
    for rank in range(processes):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        command = [sys.executable, "-m", "speakerssl.cli.main", *arguments]
        stderr = None if rank == 0 else logs[rank - 1]
        children.append(subprocess.Popen(command, env={**environment, **place}, stderr=stderr))
    try:
        rank, status = _wait(children)
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()
        for child in children:
            child.wait()
    if status and rank > 0:
        logs[rank - 1].seek(0)
        sys.stderr.write(logs[rank - 1].read().decode(errors="replace"))
    for log in logs:
        log.close()
    return status


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> tuple[int, int]:
    """The rank and status of the first child that fails, or (0, 0) when all are done."""
    while True:
        states = [child.poll() for child in children]
        failed = [(rank, state) for rank, state in enumerate(states) if state]
        if failed:
            time.sleep(5 * POLL)  # a wrong configuration fails everywhere: let the first process say so
            rank = 0 if children[0].poll() else failed[0][0]
            status = children[rank].poll() or 1
            return rank, status if status > 0 else 1
        if all(state == 0 for state in states):
            return 0, 0
        time.sleep(POLL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
