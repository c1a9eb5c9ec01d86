"""What a training step brings to a method: the views, and which recordings they come from."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BY_RECORDING = ("recordings", "partners", "labels", "references")


@dataclass(frozen=True)
class Batch:
    """The views of B recordings.

    Attributes:
        views: features [B, T, F], one tensor a view: the global views first, then the local ones.
        recordings: [B] int64, the number of each recording in the training data.
        partners: [B] int64, the recording that the second view is cut from; None where that is the recording itself
            (it differs where positives are sampled).
        references: [B, T, F], features of an unaugmented crop of each recording, where sampled positives ask for them.
        labels: [B] int64, the class of each recording by `Method.labels` (-1: unknown); None where a method has none.
    """

    views: list[Tensor]
    recordings: Tensor
    partners: Tensor | None = None
    labels: Tensor | None = None
    references: Tensor | None = None

    def __len__(self) -> int:
        return len(self.recordings)

    def sources(self, view: int) -> Tensor:
        """[B], the recordings that view number `view` is cut from: the partners for view 1, else the recordings."""
        return self.partners if view == 1 and self.partners is not None else self.recordings

    def chunks(self, count: int) -> "Iterator[Batch]":
        """`count` batches of consecutive recordings."""
        parts = zip(*(view.chunk(count) for view in self.views))
        known = {name: value.chunk(count) for name in BY_RECORDING if (value := getattr(self, name)) is not None}
        for number, views in enumerate(parts):
            yield Batch(list(views), **{name: chunks[number] for name, chunks in known.items()})

    def to(self, device: torch.device) -> "Batch":
        """The same batch on `device`."""
        known = {name: value.to(device) for name in BY_RECORDING if (value := getattr(self, name)) is not None}
        return Batch([view.to(device) for view in self.views], **known)
