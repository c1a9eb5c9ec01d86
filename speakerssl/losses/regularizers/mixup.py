"""Metrix: mixtures of embeddings, whose distance to the anchor is weighed by what is in them."""

import torch
from torch import Tensor
from torch.distributions import Beta

from speakerssl.losses.identity import Identity, may_share_speaker
from speakerssl.losses.regularizers.base import Regularizer
from speakerssl.losses.vectors import normalize
from speakerssl.options import check_range


class Metrix(Regularizer):
    """Embedding mix-up (arXiv 2106.04990) with the contrastive pair loss.

    For each anchor (view 1) a mixture f = l f+ + (1 - l) f-, l ~ Beta(alpha, alpha), normalized: f+ is view 2 of
    the recording or, half of the time, the anchor itself, f- view 2 of a random other recording. The loss is
    l relu(d) + (1 - l) relu(margin - d), d the distance from anchor to mixture. alpha 2, margin 0.5 and weight
    0.4 (verified); normalizing the mixture is a choice. Pairs that may be of one speaker are left out.
    """

    label = "metrix"

    def __init__(self, weight: float = 0.4, alpha: float = 2.0, margin: float = 0.5) -> None:
        super().__init__(weight)
        self.alpha = check_range("metrix 'alpha'", alpha, 1e-3)
        self.margin = check_range("metrix 'margin'", margin, 0)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        count = len(view1)
        share = Beta(self.alpha, self.alpha).sample((count,)).to(view1)
        with_anchor = (torch.rand(count) < 0.5).to(view1.device)
        # A random cycle through all recordings gives each another one.
        order = torch.randperm(count).to(view1.device)
        other = torch.empty_like(order)
        other[order] = order.roll(1)
        different = ~may_share_speaker(who1, who2[other])
        return mixed_loss(view1, view2, other, share, with_anchor, self.margin, different)


def mixed_loss(
    view1: Tensor,
    view2: Tensor,
    other: Tensor,
    share: Tensor,
    with_anchor: Tensor,
    margin: float,
    different: Tensor,
) -> Tensor:
    """The mean of l relu(d) + (1 - l) relu(margin - d) for given draws, all [N] (views [N, D]).

    `different` [N] says where the other recording is of another speaker; the rest is left out.
    """
    anchors, positives = normalize(view1), normalize(view2)
    near = torch.where(with_anchor[:, None], anchors, positives)
    mixed = normalize(share[:, None] * near + (1 - share)[:, None] * positives[other])
    # The tiny term keeps the gradient finite where anchor and mixture are equal.
    distance = ((anchors - mixed).square().sum(1) + 1e-12).sqrt()
    losses = share * distance + (1 - share) * torch.relu(margin - distance)
    return torch.where(different, losses, torch.zeros_like(losses)).sum() / different.sum().clamp(min=1)
