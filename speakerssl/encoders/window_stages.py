"""What sees a whole recording inside an encoder, computed from its windows: squeeze-and-excitation, poolings, a GRU.

Each such module becomes a stage. While its statistic is not known, a forward pass over a window adds that window's
share and ends there; as soon as all windows have been added, the module uses the statistic. Sums are in float64.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders.blocks import SqueezeExcitation
from speakerssl.encoders.pooling import (
    MIN_VARIANCE,
    AttentiveMeanPooling,
    AttentiveStatisticsPooling,
    Pooling,
    SelfAttentivePooling,
    StatisticsPooling,
    UnbiasedStatisticsPooling,
)
from speakerssl.encoders.pooling_context import FLOOR, TanhAttentiveStatistics


class StopForward(Exception):  # noqa: N818 - it ends a forward pass, nothing is wrong
    """Raised by a stage that has taken its share of a window."""


class Moments:
    """Mean and standard deviation over time of x [1, C, T], weighted by exp(scores), from windows.

    `frames` counts what was added.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.top: Tensor | None = None  # the highest score so far: [1, C or 1, 1]
        self.sums = [torch.zeros(())] * 3  # of the weights, of weight * x, of weight * x^2

    def add(self, x: Tensor, scores: Tensor | None = None) -> None:
        x = x.double()
        self.frames += x.shape[2]
        scores = x.new_zeros(1, 1, x.shape[2]) if scores is None else scores.double()
        top = scores.amax(dim=2, keepdim=True)
        top = top if self.top is None else torch.maximum(top, self.top)
        weights = torch.exp(scores - top)
        new = [weights.sum(2, keepdim=True), (weights * x).sum(2, keepdim=True), (weights * x * x).sum(2, keepdim=True)]
        if self.top is not None:
            shrink = torch.exp(self.top - top)
            new = [one + shrink * before for one, before in zip(new, self.sums)]
        self.top, self.sums = top, new

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean and variance, each [1, C, 1], float32."""
        mean = self.sums[1] / self.sums[0]
        return mean.float(), (self.sums[2] / self.sums[0] - mean.square()).clamp(min=0.0).float()


class Stage:
    """One module that sees the whole recording; `steps` statistics are needed one after the other."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.moments = module, Moments()
        self.known: list[tuple[Tensor, Tensor]] = []
        self.frames = 0  # of the recording, where this module sees it
        self.steps = 1

    def finish_step(self) -> None:
        self.known.append(self.moments.result())
        self.frames = self.moments.frames
        self.moments = Moments()

    @property
    def is_known(self) -> bool:
        return len(self.known) == self.steps

    def cut(self, x: Tensor, centre: Callable[[Tensor], Tensor]) -> Tensor:
        """`x` without the context of its window; time is the last axis but in recurrent layers."""
        return centre(x)

    def add(self, x: Tensor) -> None:
        """Takes the share of `x`, the frames of the window without its context."""
        self.moments.add(x.flatten(2, -2).mean(dim=2) if x.dim() > 3 else x)

    def apply(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class GateStage(Stage):
    """Squeeze-and-excitation, ours or speechbrain's."""

    def apply(self, x: Tensor) -> Tensor:
        mean: Tensor = self.known[0][0]
        module: Any = self.module
        if isinstance(module, SqueezeExcitation):
            gate = torch.sigmoid(module.expand(torch.relu(module.reduce(mean[:, :, 0]))))
            return x * gate.view(*gate.shape, *(1,) * (x.dim() - 2))
        return torch.sigmoid(module.conv2(torch.relu(module.conv1(mean)))) * x


class PoolingStage(Stage):
    """One of our poolings; every one of them is a weighted mean, with or without a standard deviation."""

    def add(self, x: Tensor) -> None:
        rows, module = x.transpose(1, 2).contiguous(), self.module
        scores = None
        if isinstance(module, (SelfAttentivePooling, AttentiveMeanPooling, AttentiveStatisticsPooling)):
            scores = module.scores(rows, None).transpose(1, 2)
        self.moments.add(x, scores)

    def apply(self, x: Tensor) -> Tensor:
        mean, variance = self.known[0]
        if isinstance(self.module, (StatisticsPooling, AttentiveStatisticsPooling)):
            return torch.cat([mean, variance.clamp(min=MIN_VARIANCE).sqrt()], dim=1)[:, :, 0]
        if isinstance(self.module, UnbiasedStatisticsPooling):
            variance = variance * (self.frames / max(1, self.frames - 1))
            return torch.cat([mean, (variance + self.module.FLOOR).sqrt()], dim=1)[:, :, 0]
        return mean[:, :, 0]


class ContextPoolingStage(Stage):
    """speechbrain's attentive statistics, whose attention sees mean and deviation of the recording first."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.steps = 2

    def add(self, x: Tensor) -> None:
        module: Any = self.module
        if not self.known:
            self.moments.add(x)
            return
        mean, variance = self.known[0]
        context = [mean.expand_as(x), variance.clamp(min=module.eps).sqrt().expand_as(x)]
        self.moments.add(x, module.conv(module.tanh(module.tdnn(torch.cat([x, *context], dim=1)))))

    def apply(self, x: Tensor) -> Tensor:
        mean, variance = self.known[1]
        return torch.cat([mean, variance.clamp(min=self.module.eps).sqrt()], dim=1)  # type: ignore[arg-type]


class RecurrentStage(Stage):
    """A recurrent layer over [1, T', C]: windows come in order, so that its state goes on from one to the next."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.run = module.forward  # the layer itself, before `staged` answers for it
        self.state: Tensor | None = None

    def cut(self, x: Tensor, centre: Callable[[Tensor], Tensor]) -> Tensor:
        return centre(x.transpose(1, 2)).transpose(1, 2)

    def add(self, x: Tensor) -> None:
        if x.shape[1]:
            _, self.state = self.run(x, self.state)

    def finish_step(self) -> None:
        assert self.state is not None
        self.known.append((self.state, self.state))

    def apply(self, x: Tensor) -> Tensor:
        last: Tensor = self.known[0][0][-1]  # of the last of several layers: [1, D]
        return last[:, None], self.known[0][0]  # type: ignore[return-value]  # outputs and state, as the layer gives them


class TanhContextStage(Stage):
    """wespeaker's attentive statistics, whose attention may see mean and deviation of the recording first."""

    def __init__(self, module: TanhAttentiveStatistics) -> None:
        super().__init__(module)
        self.steps = 2 if module.context else 1

    def add(self, x: Tensor) -> None:
        module: Any = self.module
        if module.context and not self.known:
            self.moments.add(x)
            return
        context = None
        if module.context:
            mean, variance = self.known[0]
            context = mean[:, :, 0], variance[:, :, 0] * (self.frames / max(1, self.frames - 1))
        self.moments.add(x, module.scores(x, context))

    def apply(self, x: Tensor) -> Tensor:
        mean, variance = self.known[-1]
        return torch.cat([mean, variance.clamp(min=FLOOR).sqrt()], dim=1)[:, :, 0]


def stage_of(module: nn.Module) -> Stage | None:
    """The stage of a module that sees the whole recording, None for any other."""
    if isinstance(module, TanhAttentiveStatistics):
        return TanhContextStage(module)
    if isinstance(module, Pooling):
        return PoolingStage(module)
    if isinstance(module, nn.GRU):
        return RecurrentStage(module)
    name = f"{type(module).__module__}.{type(module).__name__}"
    if isinstance(module, SqueezeExcitation) or name == "speechbrain.lobes.models.ECAPA_TDNN.SEBlock":
        return GateStage(module)
    if name == "speechbrain.lobes.models.ECAPA_TDNN.AttentiveStatisticsPooling":
        return ContextPoolingStage(module)
    return None


@contextmanager
def staged(encoder: nn.Module, centre: Callable[[Tensor], Tensor]) -> Iterator[list[Stage]]:
    """Lets the stages of `encoder` answer for their modules; yields a list that the reached stage is put in.

    `centre` cuts the context off what a module is given.
    """
    reached: list[Stage] = []

    def answer(stage: Stage) -> Callable[..., Tensor]:
        def forward(x: Tensor, *_: Any, **__: Any) -> Tensor:
            if stage.is_known:
                return stage.apply(x)
            stage.add(stage.cut(x, centre))
            reached[:] = [stage]
            raise StopForward

        return forward

    stages = [stage for stage in map(stage_of, encoder.modules()) if stage is not None]
    try:
        for stage in stages:
            stage.module.forward = answer(stage)
        yield reached
    finally:
        for stage in stages:
            del stage.module.forward
