"""Asked to end, a run writes a checkpoint and leaves within ten seconds, alone or as a group, and loses nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from speakerssl.training.checkpoint import keep_last, list_checkpoints
from speakerssl.training.stopping import StopRequest

LONG = {"batch_size": 16, "steps": 100000, "checkpoint_every": 100000, "log_every": 1}


def start(config: Path, output: Path, *options: str, through: Sequence[str] = ()) -> subprocess.Popen[str]:
    command = [sys.executable, *through, "-m", "speakerssl.cli.main", "train", "--config", str(config)]
    command += ["--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, "--output", str(output), *options], env=environment, stderr=pipe, text=True)


def wait_for_steps(output: Path, child: subprocess.Popen[str], steps: int = 2) -> None:
    log = output / "train.jsonl"
    end = time.monotonic() + 600
    while not log.exists() or log.read_text().count("\n") < steps:
        assert child.poll() is None, child.stderr.read() if child.stderr else ""
        assert time.monotonic() < end
        time.sleep(0.05)


def children_of(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    found = [int(word) for word in path.read_text().split()]
    return found + [grandchild for child in found for grandchild in children_of(child)]


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "options"),
    [(signal.SIGTERM, ("--set", "data.num_workers=1")), (signal.SIGINT, ("--processes", "2"))],
    ids=["SIGTERM, a loader worker", "SIGINT, two processes"],
)
def test_a_signal_leaves_a_checkpoint_and_no_orphan(write_config, tmp_path: Path, number: int, options) -> None:
    output = tmp_path / "exp"
    child = start(write_config(training=LONG), output, *options)
    wait_for_steps(output, child)
    family = children_of(child.pid)
    assert family
    child.send_signal(number)
    _, said = child.communicate(timeout=300)  # ten seconds where nothing else is at work
    assert child.returncode == 128 + number
    assert f"stopped by signal {number:d} after step" in said
    assert "Traceback" not in said
    assert not any(alive(process) for process in family)
    step = int(list_checkpoints(output / "checkpoints")[-1].stem[5:])
    assert f"step {step};" in said


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_run_with_the_reason_and_a_checkpoint(write_config, tmp_path, rank: int) -> None:
    output = tmp_path / "exp"
    child = start(write_config(training={**LONG, "checkpoint_every": 1}), output, "--processes", "2")
    wait_for_steps(output, child)
    family = children_of(child.pid)
    ranks = {
        Path(f"/proc/{process}/environ").read_bytes().partition(b"\0RANK=")[2].partition(b"\0")[0]: process
        for process in family
    }
    os.kill(ranks[str(rank).encode()], signal.SIGKILL)
    _, said = child.communicate(timeout=300)  # some seconds where nothing else is at work
    assert child.returncode == 1
    assert f"process {rank} of 2 was killed by SIGKILL" in said
    assert not any(alive(process) for process in family)
    assert list_checkpoints(output / "checkpoints")


@pytest.mark.slow
def test_killed_itself_it_leaves_no_orphan_and_a_second_run_is_refused_meanwhile(write_config, tmp_path: Path) -> None:
    output = tmp_path / "exp"
    config = write_config(training=LONG)
    child = start(config, output, "--processes", "2")
    wait_for_steps(output, child)
    second = start(config, output)
    _, said = second.communicate(timeout=300)
    assert second.returncode == 2
    assert "is writing here; wait for it or name another folder" in said
    kill_and_see_all_end(child)


@pytest.mark.slow
def test_a_killed_torchrun_leaves_no_orphan(write_config, tmp_path: Path) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    child = start(write_config(training=LONG), tmp_path / "exp", through=torchrun)
    wait_for_steps(tmp_path / "exp", child)
    kill_and_see_all_end(child)


def kill_and_see_all_end(child: subprocess.Popen[str]) -> None:
    family = children_of(child.pid)
    assert len(family) >= 2
    child.kill()
    child.wait()
    end = time.monotonic() + 300  # a second or two where nothing else is at work
    try:
        while any(alive(process) for process in family):
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        for process in filter(alive, family):
            os.kill(process, signal.SIGKILL)


def test_the_first_signal_is_remembered_and_all_is_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest().listening() as stop:
        assert stop.received == 0
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)  # at once: the same request, passed on
        assert stop.received == signal.SIGTERM
        end = stop._end
        assert end is not None
    assert signal.getsignal(signal.SIGTERM) is before
    assert end.finished.is_set()  # whoever called goes on, and is not ended when the grace is over


def test_checkpoints_between_the_schedule_do_not_outlive_the_next_one(tmp_path: Path) -> None:
    for step in (10, 20, 23, 30):
        (tmp_path / f"step-{step:08d}.pt").write_bytes(b"")
    keep_last(tmp_path, 2, every=10)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000020.pt", "step-00000030.pt"]
