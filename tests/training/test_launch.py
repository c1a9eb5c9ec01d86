"""`speakerssl train --processes N`: a model at the end, and one line when the configuration is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speakerssl.training.launch import launch

# Stands for the command: what rank 0 and rank 1 do is given; a file shows that a rank has come so far.
CHILD = """
import os, sys, time
rank, folder = int(os.environ["RANK"]), sys.argv[-1]
def say(text):
    open(os.environ["SPEAKERSSL_FAILURE_FILE"], "a").write(text + "\\n")
def wait_for(other):
    while not os.path.exists(f"{folder}/{other}"):
        time.sleep(0.01)
def mark():
    open(f"{folder}/{rank}", "w").close()
"""

KILLED = (
    "odd\nspeakerssl train: process 1 of 2 was killed by SIGKILL (out of memory?); "
    "the same command goes on from the last checkpoint\n"
)


def run(config: Path, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "speakerssl.cli.main", "train", "--config", str(config), "--device", "cpu"]
    command += ["--processes", "2", "--output", str(output), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_two_processes_make_one_model(write_config, tmp_path: Path) -> None:
    done = run(write_config(training={"batch_size": 16, "steps": 3}), tmp_path / "exp")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "exp" / "model.safetensors").exists()
    assert done.stdout.count("model:") == 1


def test_a_mistake_is_said_once(write_config, tmp_path: Path) -> None:
    done = run(write_config(), tmp_path / "exp", "--set", "encoder.name=nothing")
    assert done.returncode == 2
    assert done.stderr.count("unknown encoder 'nothing'") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("behaviour", "status", "said"),
    [
        ("say('mistake'); mark(); sys.exit(2)", 2, "mistake\n"),
        ("wait_for(1) if rank == 0 else None; say('mistake'); mark(); sys.exit(2)", 2, "mistake\n"),
        ("wait_for(0) if rank == 1 else None; say('mistake'); mark(); sys.exit(2)", 2, "mistake\n"),
        ("time.sleep(60) if rank == 0 else None; say('only mine'); sys.exit(1)", 1, "only mine\n"),
        ("time.sleep(60) if rank == 0 else None; sys.stderr.write('odd\\n'); os.kill(os.getpid(), 9)", 1, KILLED),
        ("sys.exit(0)", 0, ""),
    ],
    ids=["both", "rank 0 later", "rank 1 later", "rank 1 alone", "rank 1 killed", "none"],
)
def test_one_message_whoever_is_first(tmp_path, monkeypatch, capfd, behaviour: str, status: int, said: str) -> None:
    (tmp_path / "child.py").write_text(CHILD + behaviour + "\n")
    start = subprocess.Popen

    def popen(command, **options):
        return start([sys.executable, str(tmp_path / "child.py"), str(tmp_path)], **options)

    monkeypatch.setattr("speakerssl.training.launch.subprocess.Popen", popen)
    assert launch(["train"], 2) == status
    assert capfd.readouterr().err == said
