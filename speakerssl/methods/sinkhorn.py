"""Balanced soft assignments by Sinkhorn and Knopp (Cuturi 2013; SwAV, arXiv 2006.09882)."""

import torch
from torch import Tensor

from speakerssl.losses import gather
from speakerssl.losses.gather import world
from speakerssl.losses.vectors import promote


@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Codes [N, K] of scores [N, K]: rows sum to 1, columns (over all processes) nearly to N/K.

    e^{scores / epsilon} with its columns and rows scaled in turn, the rows last; in logarithms, so that no
    temperature overflows. The N of all processes must be equal.
    """
    logits = gather(promote(scores.detach())) / epsilon
    for _ in range(iterations):
        logits = logits - torch.logsumexp(logits, 0, keepdim=True)
        logits = logits - torch.logsumexp(logits, 1, keepdim=True)
    rank, size = world()
    return logits.chunk(size)[rank].exp()
