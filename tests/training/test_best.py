"""The best checkpoint by validation: what is kept, what a resumed run makes of it, and whose it is."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from speakerssl.config import load_config
from speakerssl.errors import InputError
from speakerssl.training.best import BestCheckpoint
from speakerssl.training.build import train


def test_the_lowest_value_is_kept_and_of_equal_ones_the_earliest(tmp_path: Path) -> None:
    model, best = nn.Linear(1, 1, bias=False), BestCheckpoint(tmp_path, "run")
    for step, value in enumerate([9.0, 5.0, 5.0, 7.0]):
        nn.init.constant_(model.weight, step)
        best.offer(step, value, model)
    again = BestCheckpoint(tmp_path, "run")
    assert (again.step, again.value) == (1, 5.0)
    again.load_into(model)
    assert model.weight.item() == 1.0
    with pytest.raises(InputError, match="belongs to another configuration"):
        BestCheckpoint(tmp_path, "other")
    with pytest.raises(InputError, match="'best' needs validation trials"):
        BestCheckpoint(tmp_path / "empty", "run").load_into(model)


def test_the_model_is_that_of_the_best_validation(write_config, corpus: Path, tmp_path: Path) -> None:
    path = write_config(
        data={"exclude": str(corpus / "excluded")},
        validation={"data": str(corpus / "test"), "trials": str(corpus / "test" / "trials"), "every": 2},
        optimizer={"name": "sgd", "lr": 3.0},  # erratic on purpose: the last step is seldom the best
        training={"select": "best", "steps": 8},
    )
    train(load_config(path), tmp_path / "exp", "cpu")
    rows = [json.loads(line) for line in (tmp_path / "exp" / "train.jsonl").read_text().splitlines()]
    validated = {row["step"]: row["valid_eer_percent"] for row in rows if "valid_eer_percent" in row}
    state = torch.load(tmp_path / "exp" / "checkpoints" / "best.pt", weights_only=True)
    lowest = min(validated.values())
    assert state["step"] == next(step for step, value in validated.items() if value == lowest)
    model = load_file(tmp_path / "exp" / "model.safetensors")
    assert torch.equal(model["stem.weight"], state["method"]["encoder.stem.weight"])
