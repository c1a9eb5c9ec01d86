"""Checkpoints: those of the first release are read, and a resumed run writes the same bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from speakerssl.training.checkpoint import load_checkpoint, save_checkpoint


def test_positives_return_also_under_their_old_name(tmp_path: Path) -> None:
    method = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
    path = save_checkpoint(tmp_path, 7, method, optimizer, "run", np.array([2, 0, 1]))
    step, positives = load_checkpoint(path, method, optimizer, "run")
    assert (step, positives.tolist()) == (7, [2, 0, 1])
    state = torch.load(path, weights_only=True)
    state["partners"] = state.pop("positives")
    torch.save(state, path)
    assert load_checkpoint(path, method, optimizer, "run")[1].tolist() == [2, 0, 1]


def test_a_resumed_run_writes_the_same_bytes(tmp_path: Path) -> None:
    def begin() -> tuple[nn.Sequential, torch.optim.Optimizer]:
        torch.manual_seed(0)
        method = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
        groups: list[dict[str, Any]] = [
            {"params": method[0].parameters(), "weight_decay": 0.1},
            {"params": method[2].parameters()},
        ]
        return method, torch.optim.Adam(groups, lr=0.1)

    def step(method: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (number + 1)
        optimizer.zero_grad()
        method(torch.randn(4, 3, generator=torch.Generator().manual_seed(number))).square().sum().backward()
        optimizer.step()

    undisturbed, stopped, resumed = begin(), begin(), begin()
    for number in range(4):
        step(*undisturbed, number)
    for number in range(2):
        step(*stopped, number)
    path = save_checkpoint(tmp_path / "stopped", 2, *stopped, "run")
    load_checkpoint(path, *resumed, "run")
    for number in range(2, 4):
        step(*resumed, number)
    whole, again = (save_checkpoint(tmp_path / n, 4, *run, "run") for n, run in (("a", undisturbed), ("b", resumed)))
    assert whole.read_bytes() == again.read_bytes()
