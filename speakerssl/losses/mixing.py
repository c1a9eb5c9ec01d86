"""Negatives (and positives) made up by mixing: MoCHi and Feature Transformation."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Beta

from speakerssl.errors import InputError
from speakerssl.losses.negatives import NegativeStep
from speakerssl.losses.task import ContrastiveTask, SimilarityChunk
from speakerssl.options import check_range


class MoCHi(NegativeStep):
    """Hard-negative mixing (arXiv 2010.01028): beside the negatives, mixtures of each anchor's hardest ones.

    Of the `hardest` negatives n of an anchor q, `pairs` mixtures norm(a n_i + (1 - a) n_j), a ~ U(0, 1), and
    `with_anchor` mixtures norm(b q + (1 - b) n), b ~ U(0, 0.5), all detached. hardest 1024, pairs 512 to 1024 and
    with_anchor 128 to 256 at temperature 0.2, switched on after a warm-up, are the paper's from memory (unverified).
    Each anchor has (pairs + with_anchor) vectors of its own, so that blocks are small.
    """

    def __init__(self, hardest: int = 1024, pairs: int = 512, with_anchor: int = 128) -> None:
        super().__init__()
        self.hardest = int(check_range("mochi 'hardest'", hardest, 1))
        self.pairs = int(check_range("mochi 'pairs'", pairs, 0))
        self.with_anchor = int(check_range("mochi 'with_anchor'", with_anchor, 0))

    def columns(self, task: ContrastiveTask) -> int:
        return (self.pairs + self.with_anchor) * task.anchors.shape[1]

    def forward(self, chunk: SimilarityChunk, drawn: Any) -> SimilarityChunk:
        if chunk.vectors is None:
            raise InputError("mochi must come before other negatives that are made for each anchor")
        anchors = chunk.task.anchors
        ranked = chunk.cosines.detach().masked_fill(chunk.invalid, -torch.inf)
        top = ranked.topk(min(self.hardest, ranked.shape[1]), dim=1).indices  # [B, H]
        i, j = (pick(top, self.pairs) for _ in range(2))
        k = pick(top, self.with_anchor)
        a = torch.rand(i.shape).to(anchors)
        b = torch.rand(k.shape).to(anchors) / 2
        vectors = chunk.vectors.detach()
        # [B, pairs + with_anchor, D]
        mixed = torch.cat(
            [interpolate(vectors[i], vectors[j], a), interpolate(anchors.detach()[:, None], vectors[k], b)], 1
        )
        bad = chunk.invalid.gather(1, torch.cat([i, k], 1))
        bad[:, : self.pairs] |= chunk.invalid.gather(1, j)
        return chunk.with_negatives(torch.einsum("bd,bmd->bm", anchors, mixed), bad, None)


class FeatureTransformation(NegativeStep):
    """Positive extrapolation and negative interpolation (arXiv 2108.02982), defaults verified.

    q^ = l q + (1 - l) k and k^ = l k + (1 - l) q with l ~ Beta(positive, positive) + 1 push a positive pair apart;
    every negative becomes g n + (1 - g) n' with n' another one and g ~ Beta(negative, negative). The transformed
    vectors are not normalized, as in the reference, so that cosines may leave [-1, 1]: combine it with margins
    that do not need an angle, or set `normalize`, which divides the positive's by the lengths. 0 switches either
    part off.
    """

    def __init__(self, positive: float = 2.0, negative: float = 1.6, normalize: bool = False) -> None:
        super().__init__()
        self.positive = check_range("feature_transformation 'positive'", positive, 0)
        self.negative = check_range("feature_transformation 'negative'", negative, 0)
        self.normalize = normalize

    def forward(self, chunk: SimilarityChunk, drawn: Any) -> SimilarityChunk:
        if self.positive:
            share = 1 + beta(self.positive, len(chunk.positive), chunk.positive)
            chunk = replace(chunk, positive=extrapolate(chunk.positive, share, self.normalize))
        if self.negative and chunk.cosines.shape[1] > 1:
            chunk = self._interpolate(chunk)
        return chunk

    def _interpolate(self, chunk: SimilarityChunk) -> SimilarityChunk:
        columns = chunk.cosines.shape[1]
        other = torch.randperm(columns).to(chunk.cosines.device)
        share = beta(self.negative, columns, chunk.cosines)
        # The cosine with a mixture that is not normalized is the mixture of the cosines.
        cosines = share * chunk.cosines + (1 - share) * chunk.cosines[:, other]
        vectors = chunk.vectors
        if vectors is not None:
            vectors = share[:, None] * vectors + (1 - share)[:, None] * vectors[other]
        return replace(chunk, cosines=cosines, invalid=chunk.invalid | chunk.invalid[:, other], vectors=vectors)


def extrapolate(cosine: Tensor, share: Tensor, normalize: bool = False) -> Tensor:
    """The product of l q + (1 - l) k and l k + (1 - l) q from the cosine of unit vectors q, k: [B], [B] to [B]."""
    product = cosine + 2 * share * (1 - share) * (1 - cosine)
    squared = share**2 + (1 - share) ** 2 + 2 * share * (1 - share) * cosine
    return product / squared if normalize else product


def interpolate(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Unit vectors along share x first + (1 - share) x second, [B, M, D] from [B, M or 1, D] twice and [B, M]."""
    mixed = share[..., None] * first + (1 - share)[..., None] * second
    return torch.nn.functional.normalize(mixed, dim=-1)


def pick(top: Tensor, count: int) -> Tensor:
    """`count` random members of each row of `top` [B, H], with repetition, [B, count]."""
    chosen = torch.randint(top.shape[1], (len(top), count)).to(top.device)
    return top.gather(1, chosen)


def beta(alpha: float, count: int, like: Tensor) -> Tensor:
    """`count` numbers from Beta(alpha, alpha), in the kind of `like`."""
    return Beta(alpha, alpha).sample((count,)).to(like)
