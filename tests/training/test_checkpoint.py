"""Checkpoints of the first release are read: their sampled positives were called partners."""

from pathlib import Path

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
