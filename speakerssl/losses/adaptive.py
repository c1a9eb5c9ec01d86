"""Margins that depend on the embedding's norm (MagFace, AdaFace), and one that is learned.

The norm is that **before** normalization: taken after it, it is 1 for everyone and the margin a constant.
"""

import math

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError, unknown_name
from speakerssl.losses.margins import (
    Margin,
    MarginState,
    angular_margin,
    require_bound,
    sine,
)
from speakerssl.options import check_range


class MagFaceMargin(Margin):
    """cos(t + m(a)), m linear in the norm a: `low` at `norm_low`, `high` at `norm_high`, clipped outside.

    MagFace (arXiv 2103.06627), with its regularizer `penalty_weight` (a / norm_high^2 + 1 / a) that rewards
    large norms; gradients flow through the norm, clipped as in the reference code. m from 0.01 to 0.05 for
    a from 10 to 110 are a reference code's (verified); the paper's face models have 0.45 to 0.8. The weight of the
    penalty is 35 in the paper, 20 in its public ports and here. Embeddings with norms outside the range get the
    margin of its end and no gradient through it.
    """

    def __init__(
        self,
        low: float = 0.01,
        high: float = 0.05,
        norm_low: float = 10.0,
        norm_high: float = 110.0,
        penalty_weight: float = 20.0,
        fallback: str = "arcface",
    ) -> None:
        super().__init__(value=high)
        require_bound(low, high)
        require_bound(norm_low, norm_high)
        self.low, self.high, self.fallback = low, high, fallback
        self.norm_low = check_range("norm_low", norm_low, 1e-6)
        self.norm_high = norm_high
        self.penalty_weight = check_range("penalty_weight", penalty_weight, 0)

    def effective(self, state: MarginState) -> Tensor:
        norms = state.norms.clamp(self.norm_low, self.norm_high)
        slope = (self.high - self.low) / (self.norm_high - self.norm_low)
        return self.low + slope * (norms - self.norm_low)

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        return angular_margin(cosine, self.effective(state), self.fallback)

    def penalty(self, norms: Tensor) -> Tensor | None:
        norms = norms.clamp(self.norm_low, self.norm_high)
        return self.penalty_weight * (norms / self.norm_high**2 + 1 / norms)


class AdaFaceMargin(Margin):
    """cos(t - m z) - (m z + m) with z = clip((a - mean) / (std + 1e-3) h, -1, 1), a the clipped, detached norm.

    AdaFace (arXiv 2204.00964): a low norm (poor audio) gives an angular margin, a high one an additive one.
    m 0.4 and h 0.333 (verified). mean and std are running averages; the rate is 1.0 in the reference code and
    0.01 in the paper: 0.01 here. The reference starts them at 20 and 100, the scale of its own embeddings;
    here they start at those of the first batch unless `mean` and `std` are given.
    """

    def __init__(
        self,
        value: float = 0.4,
        schedule: str = "constant",
        ramp_steps: int = 1000,
        h: float = 0.333,
        rate: float = 0.01,
        mean: float | None = None,
        std: float | None = None,
    ) -> None:
        super().__init__(value, schedule, ramp_steps)
        self.h = check_range("h", h, 0)
        self.rate = check_range("rate", rate, 0, 1)
        if (mean is None) != (std is None):
            raise InputError("adaface takes both 'mean' and 'std' or neither")
        self.register_buffer("mean", torch.tensor(20.0 if mean is None else check_range("mean", mean, 0)))
        self.register_buffer("std", torch.tensor(100.0 if std is None else check_range("std", std, 0)))
        self.register_buffer("started", torch.tensor(mean is not None))
        self.mean: Tensor
        self.std: Tensor
        self.started: Tensor

    def quality(self, norms: Tensor) -> Tensor:
        """z of each norm [B], from -1 (far below the average) to 1."""
        norms = norms.detach().clamp(1e-3, 100.0)
        return ((norms - self.mean) / (self.std + 1e-3) * self.h).clamp(-1, 1)

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        margin = self.at(state.step)
        z = self.quality(state.norms).to(cosine.dtype)
        return rotated(cosine, -margin * z) - (margin * z + margin)

    def observe(self, cosine: Tensor, norms: Tensor) -> None:
        norms = norms.clamp(1e-3, 100.0).to(self.mean.dtype)
        mean, std = norms.mean(), norms.std(correction=1 if len(norms) > 1 else 0)
        rate = torch.where(self.started, self.rate, 1.0)
        self.mean.lerp_(mean, rate)
        self.std.lerp_(std, rate)
        self.started.fill_(True)


class LearnableMargin(Margin):
    """An additive or additive angular margin that is a parameter, kept within (low, high).

    dL/dm = (1 - p+) / tau >= 0: the loss's own gradient can only shrink a margin, so that it needs the
    bound, and drifts to `low` unless something else holds it up. m = low + (high - low) sigmoid(w). Derived
    here; the bounds are a choice.
    """

    def __init__(self, value: float = 0.2, low: float = 0.05, high: float = 0.4, kind: str = "additive") -> None:
        super().__init__(value=value)
        require_bound(low, high)
        span = high - low
        check_range("the learnable margin's value", value, low + 1e-3 * span, high - 1e-3 * span)
        if kind not in LEARNABLE:
            raise unknown_name("kind of learnable margin", kind, LEARNABLE)
        self.low, self.high, self.kind = low, high, kind
        share = (value - low) / span
        self.raw = nn.Parameter(torch.tensor(math.log(share / (1 - share))))

    def effective(self, state: MarginState) -> Tensor:
        return self.low + (self.high - self.low) * torch.sigmoid(self.raw)

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        margin = self.effective(state).to(cosine.dtype)
        return cosine - margin if self.kind == "additive" else angular_margin(cosine, margin)


LEARNABLE = ("additive", "additive_angular")


def rotated(cosine: Tensor, shift: Tensor) -> Tensor:
    """cos of (t + shift) clipped to [0, pi], from cos t, for shifts [B] of either sign."""
    turned = cosine * torch.cos(shift) - sine(cosine) * torch.sin(shift)
    beyond = (shift > 0) & (cosine < -torch.cos(shift))
    before = (shift < 0) & (cosine > torch.cos(shift))
    turned = torch.where(beyond, -torch.ones_like(turned), turned)
    return torch.where(before, torch.ones_like(turned), turned)
