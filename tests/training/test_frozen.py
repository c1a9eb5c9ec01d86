"""`loss: {reference: MODEL_DIR}` and a multi-head loss, each by its configuration alone."""

import json
from pathlib import Path

import pytest
import torch

from speakerssl.config import load_config
from speakerssl.errors import InputError
from speakerssl.training.build import build_modules, initialize, train

DCLR = {"negatives": {"name": "dclr", "threshold": 0.5}}


def reference(folder: Path) -> dict:
    return {**DCLR, "reference": str(folder)}


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "train.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["simclr", "moco", "multiview"])
def test_dclr_weighs_negatives_by_a_frozen_model(write_config, tmp_path: Path, name: str) -> None:
    initialize(load_config(write_config()), tmp_path / "frozen")
    sections = {"method": {"name": name, "projector": None}, "training": {"batch_size": 16, "steps": 2, "log_every": 1}}
    train(load_config(write_config(**sections, loss=reference(tmp_path / "frozen"))), tmp_path / "exp", "cpu")
    assert all(torch.isfinite(torch.tensor(losses(tmp_path / "exp"))))
    names = torch.load(tmp_path / "exp" / "checkpoints" / "step-00000002.pt", weights_only=True)["method"]
    assert not any("reference" in key for key in names)


def test_without_the_model_the_message_says_what_is_needed(write_config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dclr needs `reference` embeddings"):
        train(load_config(write_config(loss=DCLR)), tmp_path / "exp", "cpu")
    missing = load_config(write_config(loss=reference(tmp_path / "none")))
    with pytest.raises(InputError, match=r"config\.yaml: does not exist"):
        build_modules(missing)
    initialize(load_config(write_config(features={"num_mel_bins": 30})), tmp_path / "other")
    with pytest.raises(InputError, match=r"has other features \(num_mel_bins\)"):
        build_modules(
            load_config(
                write_config(features={"num_mel_bins": 40}, loss={**DCLR, "reference": str(tmp_path / "other")})
            )
        )


def test_a_multi_head_loss_trains_by_its_configuration(write_config, tmp_path: Path) -> None:
    heads = {"dim": 32, "heads": 2, "hidden_dim": 16, "out_dim": 8}
    loss = {"name": "multi_head", "multi_head": heads}
    train(load_config(write_config(loss=loss)), tmp_path / "exp", "cpu")
    rows = [json.loads(line) for line in (tmp_path / "exp" / "train.jsonl").read_text().splitlines()]
    assert rows[-1]["temperature"] > 0
    assert rows[-1]["loss"] < rows[0]["loss"]
