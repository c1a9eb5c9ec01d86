"""The contrastive loss: one core on which symmetry, margin, negatives and regularizers are independent choices.

With anchors i, their positives p(i) and their negatives a in N(i), by cosine over temperature tau:

    L = mean_i -log e^{m(cos_ip) / tau} / (e^{m(cos_ip) / tau} + sum_{a in N(i)} e^{cos_ia / tau})

`symmetry` says who is an anchor among whom (symmetry.py), `margin` what m does (margins.py, adaptive.py),
`negatives` who is in N(i) (negatives.py, queue.py, mixing.py) and `weighting` how the sum is taken
(weighting.py). The mean is over all anchors: for `dual` that is half the sum of LaBSE's two directions, so that
the three symmetries have one scale.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from speakerssl.errors import unknown_name
from speakerssl.losses.blockwise import map_blocks
from speakerssl.losses.gather import check_equal_sizes, gather, world
from speakerssl.losses.margins import Margin, MarginState, NoMargin
from speakerssl.losses.negatives import NegativeStep
from speakerssl.losses.options import check_range
from speakerssl.losses.regularizers.base import Regularizer
from speakerssl.losses.symmetry import SYMMETRIES, Views, check_views, promote, recording_keys, tasks_of
from speakerssl.losses.task import ContrastiveTask, LossOutput, SimilarityChunk, first_chunk
from speakerssl.losses.weighting import Logits, Softmax

LOGGED = ("positive_cosine", "negative_cosine", "p_plus", "accuracy", "margin")


class ContrastiveLoss(nn.Module):
    """The loss of two views [N, D] of N recordings, not normalized; see the module for the formula.

    `block_size` squared is the number of cosines that exist at a time (at least one anchor's): a larger task is
    solved by chunks of anchors, which backward recomputes, so that memory does not grow with the batch's square.
    `gathered`: candidates come from all processes of torch.distributed.
    """

    def __init__(
        self,
        symmetry: str = "both_views",
        margin: Margin | None = None,
        temperature: float = 0.2,
        negatives: list[NegativeStep] | None = None,
        weighting: Softmax | None = None,
        regularizers: list[Regularizer] | None = None,
        block_size: int = 2048,
        gathered: bool = True,
    ) -> None:
        super().__init__()
        if symmetry not in SYMMETRIES:
            raise unknown_name("symmetry", symmetry, SYMMETRIES)
        self.symmetry = symmetry
        self.temperature = check_range("temperature", temperature, 1e-4)
        self.block_size = int(check_range("block_size", block_size, 1))
        self.gathered = gathered
        self.margin = margin or NoMargin()
        self.negatives = nn.ModuleList(negatives or [])
        self.weighting = weighting or Softmax()
        self.regularizers = nn.ModuleList(regularizers or [])

    def forward(
        self,
        view1: Tensor,
        view2: Tensor,
        step: int = 0,
        keys: Tensor | None = None,
        *,
        targets: tuple[Tensor, Tensor] | None = None,
        temperatures: tuple[Tensor, Tensor] | None = None,
        reference: Tensor | None = None,
    ) -> LossOutput:
        """The loss of N recordings, in float32 (float64 for float64 views), whatever the autocast.

        keys: [N] integers; recordings with equal keys (known or suspected same speaker) are no negatives of
            each other; a negative key is equal to no other.
        targets: views [N, D] of a momentum encoder, in which positives and negatives are looked for instead.
        temperatures: one [N] a view instead of the common one.
        reference: [N, R] embeddings of the recordings by a frozen model, for `dclr`.
        """
        check_views(view1, view2, *(targets or ()))
        if self.gathered:
            check_equal_sizes(len(view1), view1.device)
        with torch.autocast(view1.device.type, enabled=False):
            views = promote(view1), promote(view2)
            given = Views(
                views,
                views if targets is None else (promote(targets[0]), promote(targets[1])),
                temperatures or (views[0].new_full((len(view1),), self.temperature),) * 2,
                keys,
                reference,
            )
            tasks, memory = tasks_of(self.symmetry, given, self.gathered)
            total, logs = self._solve(tasks, step)
            for name, term in self._regularize(given).items():
                total = total + term
                logs[f"regularizer/{name}"] = term.detach().item()
        if self.training:
            for negative in self._steps():
                negative.remember(memory)
        return LossOutput(total, logs)

    def _steps(self) -> list[NegativeStep]:
        return cast(list[NegativeStep], list(self.negatives))

    def _gather(self, tensor: Tensor) -> Tensor:
        return gather(tensor) if self.gathered else tensor

    def _regularize(self, given: Views) -> dict[str, Tensor]:
        """The weighted terms of the regularizers, each on the views of all processes."""
        if not len(self.regularizers):
            return {}
        view1, view2 = (self._gather(view) for view in given.views)
        keys, _ = recording_keys(given.keys, len(given.views[0]), view1.device, self.gathered)
        keys = self._gather(keys)
        terms = cast(list[Regularizer], list(self.regularizers))
        return {term.label: term.weight * term(view1, view2, keys) for term in terms}

    def _solve(self, tasks: list[ContrastiveTask], step: int) -> tuple[Tensor, dict[str, float]]:
        """The mean loss over the anchors of all tasks, and what is logged."""
        with torch.no_grad():
            cosines = torch.cat([p.positive_cosines() for p in tasks])
            norms = torch.cat([p.norms for p in tasks])
            if self.training:
                self.margin.observe(self._gather(cosines), self._gather(norms))
            weights = self.weighting.weights(self._gather(cosines))
            weights = weights.chunk(world()[1] if self.gathered else 1)[world()[0] if self.gathered else 0]
        margin = frozen_copy(self.margin)
        sizes = [len(p.anchors) for p in tasks]
        rows = [self._rows(task, margin, share, step) for task, share in zip(tasks, weights.split(sizes), strict=True)]
        losses = torch.cat(rows)
        sums = losses.detach()[:, 1:].sum(0).tolist()
        return losses[:, 0].mean(), averages(sums, len(losses))

    def _rows(self, task: ContrastiveTask, margin: Margin, weights: Tensor, step: int) -> Tensor:
        """[A, 7]: the loss of each anchor and what is logged of it."""
        steps = self._steps()
        drawn = [negative.prepare(task) for negative in steps]

        def rows(start: int, stop: int, parts: Sequence[Tensor], whole: Sequence[Tensor]) -> Tensor:
            anchors, norms, temperature = parts
            own = replace(task.rows(start, stop), anchors=anchors, norms=norms, temperature=temperature)
            chunk = first_chunk(replace(own, candidates=whole[0]))
            for negative, state in zip(steps, drawn, strict=True):
                chunk = negative(chunk, state)
            return self._chunk_losses(chunk, margin, weights[start:stop], step)

        columns = len(task.candidates) + sum(negative.columns(task) for negative in steps)
        by_row = (task.anchors, task.norms, task.temperature)
        parameters = [p for module in (margin, self.weighting, self.negatives) for p in module.parameters()]
        size = max(1, self.block_size**2 // columns)
        return map_blocks(rows, by_row, [task.candidates], size, parameters)

    def _chunk_losses(self, chunk: SimilarityChunk, margin: Margin, weights: Tensor, step: int) -> Tensor:
        norms, temperature = chunk.task.norms, chunk.task.temperature
        state = MarginState(norms, (~chunk.invalid).sum(1), temperature, step)
        margined = margin(chunk.positive, state)
        negatives = margin.negatives(chunk.cosines, margined) / temperature[:, None]
        logits = Logits(
            positive=margined / temperature,
            plain=chunk.positive / temperature,
            negatives=negatives.masked_fill(chunk.invalid, -torch.inf),
            weight=weights,
            temperature=temperature,
        )
        loss = self.weighting(logits)
        penalty = margin.penalty(norms)
        loss = loss if penalty is None else loss + penalty
        with torch.no_grad():
            effective = margin.effective(state).to(loss).expand_as(loss)
            logged = chunk_statistics(chunk, logits)
        return torch.cat([loss[:, None], logged, effective[:, None]], 1)


def chunk_statistics(chunk: SimilarityChunk, logits: Logits) -> Tensor:
    """[B, 5]: cosine of the positive, sum and number of the negatives', p+, 1 where the positive is closest."""
    negatives = chunk.cosines.masked_fill(chunk.invalid, 0)
    every = torch.cat([logits.positive[:, None], logits.negatives], 1)
    hardest = torch.cat([chunk.cosines.masked_fill(chunk.invalid, -torch.inf), chunk.positive[:, None] - 1], 1)
    columns = [
        chunk.positive,
        negatives.sum(1),
        (~chunk.invalid).sum(1).to(negatives.dtype),
        torch.softmax(every, 1)[:, 0],
        (chunk.positive > hardest.amax(1)).to(negatives.dtype),
    ]
    return torch.stack(columns, 1)


def averages(sums: list[float], anchors: int) -> dict[str, float]:
    """The logged averages over anchors (over pairs for the negatives' cosine) from the summed columns."""
    positive, negative, count, *others = sums
    values = [positive / anchors, negative / count if count else float("nan")]
    return dict(zip(LOGGED, values + [value / anchors for value in others], strict=True))


def frozen_copy(margin: Margin) -> Margin:
    """The margin with its running statistics as they are now: backward may recompute after the next update."""
    same = copy.copy(margin)
    same._buffers = {name: None if b is None else b.clone() for name, b in margin._buffers.items()}
    return same
