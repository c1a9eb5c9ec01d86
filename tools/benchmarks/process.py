"""Whole commands measured from outside: start-up, peak memory and both cores included."""

import json
import os
import subprocess
import sys
import time


def measure_command(command: list[str]) -> tuple[float, float, float]:
    """Wall and processor seconds and peak MiB of a process; ends the benchmark where it fails.

    A small process of its own starts it: the peak of a child begins with the memory of who started it, and a benchmark
    that has imported torch would add half a gigabyte.
    """
    launcher = [sys.executable, "-S", __file__, *command]
    done = subprocess.run(launcher, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    wall, spent, peak = json.loads(done.stdout)
    return wall, spent, peak


def main(command: list[str]) -> int:
    """Runs `command` without its output and prints what it took as JSON; returns its exit status."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    print(json.dumps([time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
