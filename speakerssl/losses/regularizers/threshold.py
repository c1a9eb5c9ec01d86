"""One threshold for every speaker: the threshold-consistent margin."""

from collections.abc import Sequence

import torch
from torch import Tensor

from speakerssl.losses.blockwise import map_blocks
from speakerssl.losses.identity import Identity, excluded, join
from speakerssl.losses.regularizers.base import BLOCK, Regularizer
from speakerssl.losses.vectors import normalize
from speakerssl.options import check_range


class ThresholdConsistency(Regularizer):
    """TCM (arXiv 2307.04047): hard pairs are pulled to the same two cosines for every speaker.

    `positive_weight` x mean of (m+ - s) over the positive pairs with s <= m+, and `negative_weight` x mean of
    (s - m-) over the negative pairs (of either view) with s >= m-; an empty set counts 0. The formula is
    that of third-party code; m+ 0.9, m- 0.5 and weights of 1 are from memory (unverified).
    """

    label = "tcm"

    def __init__(
        self,
        weight: float = 1.0,
        positive_margin: float = 0.9,
        negative_margin: float = 0.5,
        positive_weight: float = 1.0,
        negative_weight: float = 1.0,
    ) -> None:
        super().__init__(weight)
        self.positive_margin = check_range("tcm 'positive_margin'", positive_margin, -1, 1)
        self.negative_margin = check_range("tcm 'negative_margin'", negative_margin, -1, 1)
        self.positive_weight = check_range("tcm 'positive_weight'", positive_weight, 0)
        self.negative_weight = check_range("tcm 'negative_weight'", negative_weight, 0)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        first, second = normalize(view1), normalize(view2)
        positives = (first * second).sum(1)
        hard = positives <= self.positive_margin
        missing = mean_where(self.positive_margin - positives, hard)
        excess = hard_excess(torch.cat([first, second]), join([who1, who2]), self.negative_margin)
        return self.positive_weight * missing + self.negative_weight * excess


def hard_excess(units: Tensor, who: Identity, margin: float) -> Tensor:
    """The mean of s - margin over pairs of different speakers with s >= margin, by blocks of rows of [M, D]."""

    def rows(start: int, stop: int, parts: Sequence[Tensor], whole: Sequence[Tensor]) -> Tensor:
        cosines = parts[0] @ whole[0].T
        hard = (cosines >= margin) & ~excluded(who[start:stop], who)
        total = torch.where(hard, cosines - margin, torch.zeros_like(cosines)).sum(1)
        return torch.stack([total, hard.sum(1).to(total.dtype)], 1)

    total, count = map_blocks(rows, [units], [units], BLOCK).sum(0)
    return total / count.detach().clamp(min=1)


def mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean of `values` [N] where `chosen` [N]; 0 where nothing is."""
    return torch.where(chosen, values, torch.zeros_like(values)).sum() / chosen.sum().clamp(min=1)
