"""Margins on the positive that need only its cosine: none, additive, additive angular, sphere, curricular, SiMo.

Every margin maps the cosine of the positive pair to a smaller one, so that the pair has to be closer than
it is to look as close. `adaptive.py` holds those that depend on the embedding's norm, and the learnable
one.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError, unknown_name
from speakerssl.options import check_range

SCHEDULES = ("constant", "cosine_ramp")


@dataclass(frozen=True)
class MarginState:
    """What a margin may depend on, for B anchors."""

    norms: Tensor  # [B], of the anchors before normalization
    negatives: Tensor  # [B], how many negatives each has
    temperature: Tensor  # [B]
    step: int


class Margin(nn.Module):
    """No margin, and the base of the others: m(step) is `value`, or rises to it along half a cosine.

    cosine_ramp: m(t) = n + (value - n) (1 - cos(pi min(t / ramp_steps, 1))) / 2, with n the value of no
    margin.
    """

    neutral = 0.0

    def __init__(self, value: float = 0.1, schedule: str = "constant", ramp_steps: int = 1000) -> None:
        super().__init__()
        if schedule not in SCHEDULES:
            raise unknown_name("margin schedule", schedule, SCHEDULES)
        self.value = check_range("margin value", value, self.neutral)
        self.schedule = schedule
        self.ramp_steps = int(check_range("ramp_steps", ramp_steps, 1))

    def at(self, step: int) -> float:
        """The scheduled margin at this step."""
        if self.schedule == "constant":
            return self.value
        risen = (1 - math.cos(math.pi * min(step / self.ramp_steps, 1.0))) / 2
        return self.neutral + (self.value - self.neutral) * risen

    def effective(self, state: MarginState) -> Tensor:
        """The margin of each anchor [B] (or one for all, []), as it is logged."""
        return state.norms.new_tensor(self.at(state.step))

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        """Cosines of the positives [B] to cosines with the margin [B]."""
        raise NotImplementedError

    def negatives(self, cosines: Tensor, margined: Tensor) -> Tensor:
        """What becomes of the negatives' cosines [B, C], given the positives' margined ones [B]."""
        return cosines

    def observe(self, cosine: Tensor, norms: Tensor) -> None:
        """Updates running statistics from all anchors of all processes ([A], detached), once a training step."""

    def penalty(self, norms: Tensor) -> Tensor | None:
        """A term [A] that the margin itself adds to each anchor's loss, or None."""
        return None


class NoMargin(Margin):
    """The cosine as it is."""

    def __init__(self) -> None:
        super().__init__(value=0.0)

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        return cosine


class AdditiveMargin(Margin):
    """cos t - m (AM-Softmax, CosFace: arXiv 1801.05599, 1801.09414; SNT-Xent-AM: arXiv 2306.03664, m 0.4).

    The default 0.1 is that of arXiv 2404.14913 (verified).
    """

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        return cosine - self.at(state.step)


class AdditiveAngularMargin(Margin):
    """cos(t + m), which past t = pi - m would rise again and is replaced there (ArcFace: arXiv 1801.07698).

    `fallback`: 'arcface' (the reference: cos t - m sin(pi - m); it steps down by cos m + m sin m - 1 =
    m^2/2 + ... at pi - m) or 'continuous' (cos t - (1 + cos(pi - m)), no step). SNT-Xent-AAM (arXiv
    2306.03664): m 0.1 (verified); 0.3 diverged there.
    """

    def __init__(
        self,
        value: float = 0.1,
        schedule: str = "constant",
        ramp_steps: int = 1000,
        fallback: str = "arcface",
    ) -> None:
        super().__init__(value, schedule, ramp_steps)
        check_range("additive angular margin value", value, 0, math.pi)
        if fallback not in ("arcface", "continuous"):
            raise unknown_name("fallback", fallback, ("arcface", "continuous"))
        self.fallback = fallback

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        margin = cosine.new_tensor(self.at(state.step))
        return angular_margin(cosine, margin, self.fallback)


class SphereFaceMargin(Margin):
    """(-1)^k cos(m t) - 2k with k = floor(m t / pi), the monotone continuation of cos(m t).

    SphereFace (arXiv 1704.08063) with a real m >= 1, no margin at 1; the paper's m is 4, with annealing. The
    default 1.5 is that of the authors' later OpenSphere code, from memory (unverified).
    """

    neutral = 1.0

    def __init__(self, value: float = 1.5, schedule: str = "constant", ramp_steps: int = 1000) -> None:
        super().__init__(value, schedule, ramp_steps)

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        scaled = angle(cosine) * self.at(state.step)
        turns = (scaled / math.pi).floor().detach()
        return torch.cos(scaled) * (1 - 2 * (turns % 2)) - 2 * turns


class CurricularMargin(AdditiveAngularMargin):
    """cos(t + m) for the positive; a negative above it is hard and becomes c (c + T), with T growing in training.

    CurricularFace (arXiv 2004.00288). T is a running mean (`rate` 0.01, verified) of the positives' cosines, so
    that hard negatives count little at first and more as the positives close up. The default m of 0.1 is
    that of SNT-Xent-AAM; the paper's 0.5 is for classification.
    """

    def __init__(
        self,
        value: float = 0.1,
        schedule: str = "constant",
        ramp_steps: int = 1000,
        fallback: str = "arcface",
        rate: float = 0.01,
    ) -> None:
        super().__init__(value, schedule, ramp_steps, fallback)
        self.rate = check_range("curricular rate", rate, 0, 1)
        self.register_buffer("difficulty", torch.zeros(()))
        self.difficulty: Tensor

    def negatives(self, cosines: Tensor, margined: Tensor) -> Tensor:
        return torch.where(cosines > margined[:, None], cosines * (cosines + self.difficulty), cosines)

    def observe(self, cosine: Tensor, norms: Tensor) -> None:
        self.difficulty.lerp_(cosine.mean().to(self.difficulty), self.rate)


class SiMoMargin(Margin):
    """m = tau log(alpha / K) with K the anchor's own number of negatives, as EqCo / SiMo (arXiv 2010.01929).

    The gradient is then that of alpha negatives, whatever the batch: the loss is log(1 + (alpha / K) sum of
    e^(l- - l+)). It is negative where K > alpha. The default alpha is MoCo's queue of 65,536 (the paper
    compares with it); from memory (unverified).
    """

    def __init__(self, alpha: float = 65536.0) -> None:
        super().__init__(value=0.0)
        self.alpha = check_range("alpha", alpha, 1e-6)

    def effective(self, state: MarginState) -> Tensor:
        ratio = self.alpha / state.negatives.clamp(min=1).to(state.norms.dtype)
        return state.temperature * ratio.log()

    def forward(self, cosine: Tensor, state: MarginState) -> Tensor:
        return cosine - self.effective(state)


def sine(cosine: Tensor) -> Tensor:
    """sin t from cos t, with a finite gradient (zero) at cos t = +-1."""
    return (1 - cosine * cosine).clamp(min=torch.finfo(cosine.dtype).eps).sqrt()


def angle(cosine: Tensor) -> Tensor:
    """t from cos t, with a finite gradient (zero) at cos t = +-1."""
    edge = 1 - torch.finfo(cosine.dtype).eps
    return torch.acos(cosine.clamp(-edge, edge))


def angular_margin(cosine: Tensor, margin: Tensor, fallback: str = "arcface") -> Tensor:
    """cos(t + m), or the fall-back where cos t <= cos(pi - m). `margin` is one number or one a cosine."""
    shifted = cosine * torch.cos(margin) - sine(cosine) * torch.sin(margin)
    edge = -torch.cos(margin)
    drop = margin * torch.sin(margin) if fallback == "arcface" else 1 + edge
    # Without a margin nothing is left to fall back to: cos t = -1 stays -1.
    return torch.where((cosine > edge) | (margin <= 0), shifted, cosine - drop)


def require_bound(low: float, high: float) -> None:
    """Raises InputError unless 0 <= low < high."""
    if not 0 <= low < high:
        raise InputError(f"a margin needs 0 <= low < high, got low {low:g} and high {high:g}")
