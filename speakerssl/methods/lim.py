"""LIM: local mutual information, two crops of a recording against one of another (Ravanelli and Bengio 2019).

s+ = cos(z_i, z'_i),  s- = cos(z_i, z'_r(i)) with r(i) another recording of the batch (arXiv 1812.00271)

nce   -mean_i (s+_i - log(e^{s+_i} + sum_j e^{s-_j}))
bce   -mean log sigmoid(s+) - mean log(1 - sigmoid(s-))
mine  -mean s+ + log mean e^{s-}

As sslsv has it, where the cosine stands for the paper's discriminator. r shifts the batch (of all processes) by one
drawn number, so that no recording meets itself; sslsv's later state draws r with replacement, itself included.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError, unknown_name
from speakerssl.losses import LossOutput, gather
from speakerssl.losses.gather import world
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.heads import build_mlp
from speakerssl.methods.pairs import PairMethod

SIZES = {"hidden_dim": 2048, "out_dim": 512, "layers": 3}


class LIM(PairMethod):
    """`objective` is one of OBJECTIVES."""

    def __init__(self, encoder: Encoder, projector: nn.Module, objective: str = "nce") -> None:
        super().__init__(encoder, projector)
        if objective not in OBJECTIVES:
            raise unknown_name("lim 'objective'", objective, OBJECTIVES)
        self.objective = OBJECTIVES[objective]

    def compare(self, first: Tensor, second: Tensor) -> LossOutput:
        everyone = gather(second)
        if len(everyone) < 2:
            raise InputError("method lim: a batch of one recording has no other to contrast it with")
        shift = int(torch.randint(1, len(everyone), (1,)))
        own = world()[0] * len(first) + torch.arange(len(first), device=first.device)
        positive = nn.functional.cosine_similarity(first, second)
        negative = nn.functional.cosine_similarity(first, everyone[(own + shift) % len(everyone)])
        logs = {"positive_cosine": positive.mean().item(), "negative_cosine": negative.mean().item()}
        return LossOutput(self.objective(positive, negative), logs)


def nce(positive: Tensor, negative: Tensor) -> Tensor:
    """Noise-contrastive: every positive [B] against all negatives [B]."""
    return -(positive - torch.log(positive.exp() + negative.exp().sum())).mean()


def bce(positive: Tensor, negative: Tensor) -> Tensor:
    """Binary cross-entropy of telling positives [B] from negatives [B]."""
    return -nn.functional.logsigmoid(positive).mean() - nn.functional.logsigmoid(-negative).mean()


def mine(positive: Tensor, negative: Tensor) -> Tensor:
    """The Donsker-Varadhan bound of positives [B] and negatives [B]."""
    return -positive.mean() + torch.log(negative.exp().mean())


OBJECTIVES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bce": bce, "mine": mine, "nce": nce}


@register("lim")
def build_lim(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim 2048, out_dim 512, layers 3} or null, objective (nce, bce, mine)."""
    check_options("lim", options, ("projector", "objective"))
    no_loss("lim", loss)
    projector, _ = build_mlp("lim projector", encoder.embed_dim, options.get("projector", {}), SIZES)
    return LIM(encoder, projector, str(options.get("objective", "nce")))
