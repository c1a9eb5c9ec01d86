"""`speakerssl train --processes N`: a model at the end, and one line when the configuration is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


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
