"""Embeddings spread over the sphere: uniformity, and KoLeo's distance to the nearest neighbour."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from speakerssl.losses.blockwise import map_blocks
from speakerssl.losses.identity import Identity
from speakerssl.losses.regularizers.base import BLOCK, Regularizer
from speakerssl.losses.vectors import normalize
from speakerssl.options import check_range


class Uniformity(Regularizer):
    """log mean over pairs of e^{-t |x - y|^2} on the unit sphere, averaged over the views (arXiv 2005.10242).

    t = 2 (verified). It is 0 when all embeddings are equal, and falls as they spread.
    """

    label = "uniformity"

    def __init__(self, weight: float = 1.0, t: float = 2.0) -> None:
        super().__init__(weight)
        self.t = check_range("uniformity 't'", t, 0)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        return (uniformity(normalize(view1), self.t) + uniformity(normalize(view2), self.t)) / 2


class KoLeo(Regularizer):
    """-mean log of the distance to the nearest other embedding, averaged over the views (arXiv 1806.03198).

    As in DINOv2 (arXiv 2304.07193), on unit vectors with 1e-8 added; weight 0.1 there and in SDPN (verified).
    """

    label = "koleo"

    def __init__(self, weight: float = 0.1) -> None:
        super().__init__(weight)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        return (koleo(normalize(view1)) + koleo(normalize(view2))) / 2


def uniformity(units: Tensor, t: float = 2.0) -> Tensor:
    """log mean over pairs of different unit vectors [N, D] of e^{-t |x - y|^2}; 0 for a single one."""
    count = len(units)
    if count < 2:
        return units.sum() * 0

    def rows(start: int, stop: int, parts: Sequence[Tensor], whole: Sequence[Tensor]) -> Tensor:
        exponents = -2 * t * (1 - parts[0] @ whole[0].T)
        own = torch.arange(start, stop, device=units.device)[:, None] == torch.arange(count, device=units.device)
        return torch.logsumexp(exponents.masked_fill(own, -torch.inf), 1)

    return torch.logsumexp(map_blocks(rows, [units], [units], BLOCK), 0) - math.log(count * (count - 1))


def koleo(units: Tensor, eps: float = 1e-8) -> Tensor:
    """-mean log(distance to the nearest other one + eps) of unit vectors [N, D]; 0 for a single one."""
    if len(units) < 2:
        return units.sum() * 0
    neighbour = units[nearest(units.detach())]
    # The square root's gradient at 0 is infinite: two equal embeddings must not turn it into NaN.
    squared = (units - neighbour).square().sum(1)
    return -torch.log((squared + eps * eps).sqrt() + eps).mean()


@torch.no_grad()
def nearest(units: Tensor) -> Tensor:
    """The index of the nearest other vector of each of [N, D], by blocks of rows."""
    found = []
    for start in range(0, len(units), BLOCK):
        cosines = units[start : start + BLOCK] @ units.T
        rows = torch.arange(len(cosines), device=units.device)
        cosines[rows, rows + start] = -torch.inf
        found.append(cosines.argmax(1))
    return torch.cat(found)
