"""Momentum teachers: copies of modules that follow them as exponential moving averages.

    teacher <- m teacher + (1 - m) student     after each optimizer step, m from `momentum` to `momentum_final`

m rises by a cosine (BYOL, arXiv 2006.07733; DINO, arXiv 2104.14294); a batch kappa times the reference takes m^kappa
(EMA scaling rule, arXiv 2307.13813). A teacher gathers running statistics of its own: those of the student do
not fit weights that lag behind, and cost the final teacher accuracy. Other buffers are copied.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from speakerssl.methods.base import Method
from speakerssl.options import check_range

M = TypeVar("M", bound=nn.Module)
MOMENTUM_OPTIONS = ("momentum", "momentum_final")


@dataclass(frozen=True)
class MomentumSchedule:
    """m = final - (final - start) (1 + cos(pi step / total)) / 2, to the power of kappa."""

    start: float = 0.996
    final: float = 1.0

    def at(self, step: int, total_steps: int, kappa: float = 1.0) -> float:
        """The momentum after optimizer step `step` (from 0) of `total_steps`."""
        done = min(1.0, step / max(1, total_steps))
        momentum = self.final - (self.final - self.start) * 0.5 * (1 + math.cos(math.pi * done))
        return scaled_momentum(momentum, kappa)


def scaled_momentum(momentum: float, kappa: float) -> float:
    """EMA momentum^kappa: one large step forgets as much as kappa small ones."""
    return momentum**kappa


def build_momentum(options: Mapping[str, Any], start: float, final: float) -> MomentumSchedule:
    """From a method's `momentum` and `momentum_final`; the defaults are the method's own."""
    first = check_range("method: 'momentum'", options.get("momentum", start), 0, 1)
    return MomentumSchedule(first, check_range("method: 'momentum_final'", options.get("momentum_final", final), 0, 1))


def teacher_of(module: M) -> M:
    """A copy of `module` whose parameters take no gradient."""
    return copy.deepcopy(module).requires_grad_(False)


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """One step of the moving average, in place; batch normalization keeps the teacher's own statistics."""
    for old, new in zip(teacher.parameters(), student.parameters(), strict=True):
        old.mul_(momentum).add_(new, alpha=1 - momentum)
    for slow, fast in zip(teacher.modules(), student.modules(), strict=True):
        if not isinstance(slow, nn.modules.batchnorm._BatchNorm):
            for copied, buffer in zip(slow.buffers(recurse=False), fast.buffers(recurse=False), strict=True):
                copied.copy_(buffer)


class MomentumMethod(Method):
    """A method with teachers: subclasses name them in `teacher_student_pairs`."""

    def __init__(self, momentum: MomentumSchedule) -> None:
        super().__init__()
        self.momentum = momentum

    def teacher_student_pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        """(teacher, student) pairs."""
        raise NotImplementedError

    def after_step(self, step: int, total_steps: int) -> None:
        momentum = self.momentum.at(step, total_steps, self.plan.kappa)
        for teacher, student in self.teacher_student_pairs():
            follow(teacher, student, momentum)
