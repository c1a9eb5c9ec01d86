"""Where a process computes, and what several share. Two processes at work: test_trainer, test_launch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from speakerssl.errors import InputError
from speakerssl.training.distributed import World, choose_place, make_deterministic, open_world


def test_alone_nothing_is_wrapped_and_nobody_waited_for() -> None:
    world, module = World(), nn.Linear(2, 2)
    assert world.is_main
    assert world.wrap(module) is module
    world.barrier()
    assert not World(rank=1, size=2).is_main
    with open_world("cpu") as opened:
        assert (opened.rank, opened.size, opened.device.type) == (0, 1, "cpu")


def test_places_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert choose_place("cpu") == torch.device("cpu")
    assert choose_place("cuda:3") == torch.device("cuda", 3)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert choose_place("auto") == choose_place("cuda") == torch.device("cuda", 2)
    with pytest.raises(InputError, match="--device 'cuda:4': this machine has 4 GPUs; use cpu or auto"):
        choose_place("cuda:4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_place("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "", "CPU"])
def test_other_places_are_named(name: str) -> None:
    with pytest.raises(InputError, match="is unknown; the known ones are: auto, cpu, cuda, cuda:N"):
        choose_place(name)


def test_determinism_is_asked_for_and_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        make_deterministic(True)
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        make_deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()


# One of two processes fails with something in hand whose end waits for ever, as now and then that of gloo's group does.
FAILS = """
import sys, time
import torch.distributed as dist
from speakerssl.errors import InputError
from speakerssl.training import distributed

class Group:
    def __del__(self):
        time.sleep(600)

def work():
    with distributed.open_world("cpu"):
        group = Group()
        raise InputError("what is said")

distributed._join = lambda backend, rank, size: None
dist.destroy_process_group = lambda: time.sleep(600)
try:
    work()
except InputError as error:
    print(error)
    sys.stderr.write("after it")
"""


def test_a_process_of_several_that_fails_ends_whatever_is_under_way(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text(FAILS)
    environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "2"}
    ended = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (InputError.exit_code, "what is said\n", "after it")


# `speakerssl train`, of which process 1 is killed once: in its 7th step, past the checkpoint of step 4.
KILLED_ONCE = """
import os, signal
from speakerssl.cli.main import main
from speakerssl.training.trainer import Trainer

steps, step = [], Trainer._step

def killed(self, *args):
    steps.append(1)
    if len(steps) == 7 and os.environ["RANK"] == "1" and not os.path.exists(os.environ["KILLED"]):
        open(os.environ["KILLED"], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *args)

Trainer._step = killed
raise SystemExit(main())
"""


@pytest.mark.slow
def test_torchrun_begins_again_from_the_last_checkpoint_when_a_process_is_lost(write_config, tmp_path: Path) -> None:
    config, script = write_config(), tmp_path / "train.py"
    script.write_text(KILLED_ONCE)
    (tmp_path / "whole-killed").touch()
    found = {}
    for name in ("whole", "restarted"):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        command += ["--max-restarts", "3", str(script), "train", "--config", str(config), "--device", "cpu"]
        done = subprocess.run(
            [*command, "--output", str(tmp_path / name)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "KILLED": str(tmp_path / f"{name}-killed")},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"{name}-killed").exists()
        found[name] = (tmp_path / name / "model.safetensors").read_bytes()
    assert found["restarted"] == found["whole"]
    steps = [json.loads(line)["step"] for line in (tmp_path / "restarted" / "train.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 13))
