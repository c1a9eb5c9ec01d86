"""Positives and negatives a step against counting the terms of the losses themselves."""

from typing import Any

import pytest
import torch

from speakerssl.config import Config, TrainingConfig, ViewsConfig
from speakerssl.losses import build_loss
from speakerssl.training.dry_run import count_pairs


def config(loss: dict, method: dict | None = None, batch: int = 6, **views: Any) -> Config:
    training = TrainingConfig(batch_size=batch, steps=1)
    return Config({}, {}, loss, method or {"name": "simclr"}, views=ViewsConfig(**views), training=training)


@pytest.mark.parametrize("symmetry", ["one_direction", "dual", "both_views"])
def test_as_many_negatives_as_the_loss_sums_over(symmetry: str) -> None:
    """With all embeddings equal every term is e^(1/tau): the loss is log(1 + negatives)."""
    loss = {"symmetry": symmetry, "temperature": 0.5}
    counted = count_pairs(config(loss))
    same = torch.ones(6, 4)
    expected = torch.log(torch.tensor(1.0 + counted["negatives"]))
    torch.testing.assert_close(build_loss(loss)(same, same, 0).loss, expected)


def test_queues_processes_and_views() -> None:
    assert count_pairs(config({}, {"name": "moco"}))["negatives"] == 16384
    queue = {"negatives": {"name": "queue", "size": 100, "in_batch": True}, "symmetry": "dual"}
    assert count_pairs(config(queue))["negatives"] == 105
    assert count_pairs(config({"gathered": False}), processes=2)["negatives"] == 4
    dino = count_pairs(config({}, {"name": "dino"}, num_local=4))
    assert (dino["anchors"], dino["anchors"] * dino["positives"]) == (36, 6 * 10)  # 2 x 6 pairs less the 2 of one view
    assert count_pairs(config({}, {"name": "vicreg"})) == {"anchors": 12, "positives": 1, "negatives": 0}
