"""Methods inside the trainer: exact resume with sampled positives, and two processes under torchrun."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from speakerssl.training.checkpoint import average_checkpoints, list_checkpoints
from speakerssl.training.distributed import World

from .conftest import TINY
from .tiny_trainer import resumed_like_the_whole, trainer_of


@pytest.mark.parametrize("name", ["moco", "dino", "swav"])
def test_resumed_in_an_epoch_with_sampled_positives(tmp_path: Path, name: str) -> None:
    options = {"ssps": {"clusters": 6, "start_epoch": 1}}
    whole = resumed_like_the_whole(name, tmp_path, **options)
    assert whole.batches.sampled_positives is not None
    assert "embedding/effective_rank" in (tmp_path / "whole" / "train.jsonl").read_text()


def test_the_plan_of_the_run_reaches_the_method(tmp_path: Path) -> None:
    method: Any = trainer_of("byol", tmp_path, World(), momentum=0.99, momentum_final=0.99).method
    assert (method.plan.steps_per_epoch, method.plan.total_steps, method.plan.kappa) == (2, 6, 2.0)
    teacher, student = method.teacher_student_pairs()[0]
    with torch.no_grad():
        next(student.parameters()).add_(1.0)
    before = next(teacher.parameters()).clone()
    method.after_step(0, 6)  # the batch is twice the reference: 0.99^2
    torch.testing.assert_close(next(teacher.parameters()) - before, torch.full_like(before, 1 - 0.99**2))


def test_checkpoints_whose_queue_has_grown_are_averaged(tmp_path: Path) -> None:
    trainer = trainer_of("moco", tmp_path, World())
    trainer.fit()
    averaged = average_checkpoints(list_checkpoints(tmp_path / "checkpoints"))
    trainer.method.load_state_dict(averaged)
    assert len(averaged["loss.negatives.0.vectors"]) == 6 * 24


@pytest.mark.slow
def test_two_processes_hold_the_same_state(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = Path(__file__).resolve().parents[2]
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    done = subprocess.run([*command, str(script), str(tmp_path)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for name in [*sorted(TINY), "published"]:
        first, second = (torch.load(tmp_path / f"{name}-{rank}.pt") for rank in range(2))
        for key, value in first.items():
            # Batch statistics are each process's own until the next step begins.
            if "running" in key or "tracked" in key or key.startswith("collapse_monitor."):
                continue
            torch.testing.assert_close(second[key], value, rtol=1e-5, atol=1e-6, msg=f"{name}: {key}")


SCRIPT = """
import os, sys
from pathlib import Path
import torch
sys.path.insert(0, os.getcwd())
from tests.methods.conftest import TINY
from tests.methods.tiny_trainer import trainer_of
from speakerssl.training.distributed import open_world

with open_world("cpu") as world:
    for name in sorted(TINY):
        options = {"projector": {"hidden_dim": 8, "out_dim": 2}} if name == "wmse" else {}
        trainer = trainer_of(name, Path(sys.argv[1]) / name, world, ssps={"clusters": 6}, **options)
        trainer.fit()
        torch.save(trainer.method.state_dict(), Path(sys.argv[1]) / f"{name}-{world.rank}.pt")
        world.barrier()
    published = {"preset": "published", "clusters": 6, "start_epoch": 1, "queue_size": 20}
    trainer = trainer_of("simclr", Path(sys.argv[1]) / "published", world, ssps=published)
    trainer.fit()
    assert trainer.method.positive_memory.known.all()
    torch.save(trainer.method.state_dict(), Path(sys.argv[1]) / f"published-{world.rank}.pt")
    world.barrier()
"""
