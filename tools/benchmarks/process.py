"""Whole commands measured from outside: start-up, peak memory and both cores included."""

import os
import subprocess
import time


def measure_command(command: list[str]) -> tuple[float, float, float]:
    """Wall and processor seconds and peak MiB of a process; ends the benchmark where it fails."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
