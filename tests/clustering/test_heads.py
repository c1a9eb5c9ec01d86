"""A head on fixed embeddings: what it is fed, what is observed, and that it learns unseen recordings."""

import numpy as np
import torch

from speakerssl.clustering.heads import prepare, train_head
from speakerssl.losses import build_head

from .conftest import made_voices


def test_prepared_embeddings_are_centred_and_of_one_length() -> None:
    inputs = prepare(5 + made_voices(4, 30)[0])
    assert torch.allclose(inputs.norm(dim=1), torch.tensor(8.0), atol=1e-4)
    assert float(inputs.mean(0).abs().max()) < 0.2


def test_unseen_recordings_are_classified_and_every_batch_observed() -> None:
    embeddings, labels = made_voices(10, 20, spread=0.7)
    inputs, targets = prepare(embeddings), torch.from_numpy(labels)
    train = torch.arange(len(labels)) % 2 == 0
    seen = torch.zeros(int(train.sum()))

    def observe(rows: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        seen.index_add_(0, rows, torch.ones(len(rows)))

    torch.manual_seed(0)
    head = train_head(
        build_head({"name": "softmax"}, 64, 10),
        inputs[train], targets[train], epochs=20, seed=0, batch_size=32, observe=observe,
    )  # fmt: skip
    assert bool((seen == 20).all())
    assert np.mean((head.logits(inputs[~train]).argmax(1) == targets[~train]).numpy()) > 0.95
