"""Training of a classification head on embeddings that stay as they are: seconds where an encoder takes days."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from speakerssl.io import progress
from speakerssl.losses import Head

AfterBatch = Callable[[Tensor, Tensor, Tensor], None]  # rows [B], logits [B, C] before the update, labels [B]


def prepare(embeddings: np.ndarray) -> Tensor:
    """Embeddings [N, D] less their mean, of length sqrt(D): each number is about 1, which an optimizer expects."""
    centred = torch.from_numpy(np.asarray(embeddings, np.float32))
    centred = centred - centred.mean(0)
    return torch.nn.functional.normalize(centred, dim=1) * embeddings.shape[1] ** 0.5


def train_head(
    head: Head,
    inputs: Tensor,
    labels: Tensor,
    epochs: int,
    seed: int,
    batch_size: int = 512,
    lr: float = 0.01,
    observe: AfterBatch | None = None,
) -> Head:
    """Fits `head` to `inputs` [N, D] and `labels` [N] with Adam, whose rate falls along half a cosine.

    `observe` sees every batch before its update. All draws follow from `seed`.
    """
    generator = torch.Generator().manual_seed(seed)
    batches = max(1, round(len(inputs) / batch_size))
    optimizer = torch.optim.Adam(head.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    head.train()
    for epoch in progress(range(epochs), epochs, "training a head"):
        order = torch.randperm(len(inputs), generator=generator)
        for number, rows in enumerate(order.chunk(batches)):
            found = head.classify(inputs[rows], labels[rows], epoch * batches + number)
            if observe is not None:
                observe(rows, found.logits.detach(), found.labels)
            optimizer.zero_grad()
            found.losses.mean().backward()
            optimizer.step()
            schedule.step()
    return head.eval()
