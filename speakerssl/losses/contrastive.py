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

from speakerssl.losses.blockwise import map_blocks
from speakerssl.losses.gather import check_equal_sizes, gather, world
from speakerssl.losses.identity import Identity, resolve
from speakerssl.losses.margins import Margin, MarginState, NoMargin
from speakerssl.losses.negatives import NegativeStep
from speakerssl.losses.regularizers.base import Regularizer
from speakerssl.losses.symmetry import Pairs, ViewPlan, plan_many_views, plan_two_views
from speakerssl.losses.task import ContrastiveTask, LossOutput, SimilarityChunk, first_chunk
from speakerssl.losses.vectors import check_views, promote
from speakerssl.losses.views import GatheredViews, Views
from speakerssl.losses.weighting import Logits, Softmax
from speakerssl.options import check_range

LOGGED = ("positive_cosine", "negative_cosine", "p_plus", "accuracy", "margin")


class ContrastiveLoss(nn.Module):
    """The loss of two or more views [N, D] of N recordings, not normalized; see the module for the formula.

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
        plan_two_views(symmetry)  # says what is wrong with it
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
        identities: Identity | Sequence[Identity] | None = None,
        *,
        targets: Sequence[Tensor] | None = None,
        target_identities: Sequence[Identity] | None = None,
        temperatures: Sequence[Tensor] | None = None,
        reference: Tensor | None = None,
    ) -> LossOutput:
        """The loss of N recordings, in float32 (float64 for float64 views), whatever the autocast.

        identities: who the N items of each view are (`identify`), or one for both views. Items of one recording, of a
            partner's or with common pseudo-labels are no negatives of each other. None: every row is its own.
        targets: views [N, D] of a momentum encoder, in which positives and negatives are looked for instead, and
            `target_identities` who they are where they are not of the anchors' recordings.
        temperatures: one [N] a view instead of the common one.
        reference: [N, R] embeddings of the recordings by a frozen model, for `dclr`.

        Raises InputError for views, identities or batches of processes that do not fit each other.
        """
        given, plan = [view1, view2], plan_two_views(self.symmetry)
        return self._follow(plan, given, step, identities, targets, temperatures, reference, target_identities)

    def multi_view(
        self,
        views: Sequence[Tensor],
        step: int = 0,
        identities: Identity | Sequence[Identity] | None = None,
        *,
        num_global: int = 2,
        positives: str = "softmax_of_both",
        temperatures: Sequence[Tensor] | None = None,
        reference: Tensor | None = None,
    ) -> LossOutput:
        """The loss of V views [N, D] of N recordings, of which the first `num_global` are global; see symmetry.py.

        Memories remember the global views, once; otherwise as `forward`.
        """
        plan = plan_many_views(self.symmetry, len(views), num_global, positives)
        return self._follow(plan, list(views), step, identities, None, temperatures, reference)

    def _follow(
        self,
        plan: ViewPlan,
        views: list[Tensor],
        step: int,
        identities: Identity | Sequence[Identity] | None,
        targets: Sequence[Tensor] | None,
        temperatures: Sequence[Tensor] | None,
        reference: Tensor | None,
        target_identities: Sequence[Identity] | None = None,
    ) -> LossOutput:
        """The loss of `plan`, and what is remembered of the step."""
        check_views(*views, *(targets or ()))
        if self.gathered:
            check_equal_sizes(len(views[0]), views[0].device)
        with torch.autocast(views[0].device.type, enabled=False):
            promoted = [promote(view) for view in views]
            rank = world()[0] if self.gathered else 0
            who = resolve(identities, len(views), promoted[0], rank)
            given = Views(
                promoted,
                promoted if targets is None else [promote(target) for target in targets],
                temperatures or [promoted[0].new_full((len(view),), self.temperature) for view in promoted],
                who,
                who if target_identities is None else resolve(target_identities, len(views), promoted[0], rank),
                reference,
            )
            gathered = GatheredViews(given, self.gathered)
            total, logs = self._solve([[gathered.task(task) for task in group] for group in plan.groups], step)
            total = total * plan.scale
            for name, term in self._regularize(given, gathered, plan.pairs).items():
                total = total + term
                logs[f"regularizer/{name}"] = term.detach().item()
        if self.training:
            for negative in self._steps():
                negative.remember(gathered.memory(plan.remembered))
        return LossOutput(total, logs)

    def _steps(self) -> list[NegativeStep]:
        return cast(list[NegativeStep], list(self.negatives))

    def _gather(self, tensor: Tensor) -> Tensor:
        return gather(tensor) if self.gathered else tensor

    def _regularize(self, given: Views, gathered: GatheredViews, pairs: Pairs) -> dict[str, Tensor]:
        """The weighted terms of the regularizers, each on the views of all processes, averaged over `pairs`."""
        terms = cast(list[Regularizer], list(self.regularizers))
        if not terms:
            return {}
        views, who = [self._gather(view) for view in given.views], gathered.candidate_identities
        return {
            term.label: term.weight
            * torch.stack([term(views[one], views[other], who[one], who[other]) for one, other in pairs]).mean()
            for term in terms
        }

    def _solve(self, groups: list[list[ContrastiveTask]], step: int) -> tuple[Tensor, dict[str, float]]:
        """The mean loss over the anchors of all tasks, and what is logged."""
        tasks = [task for group in groups for task in group]
        with torch.no_grad():
            cosines = [torch.cat([task.positive_cosines() for task in group]) for group in groups]
            if self.training:
                norms = torch.cat([task.norms for task in tasks])
                self.margin.observe(self._gather(torch.cat(cosines)), self._gather(norms))
            weights = torch.cat([self._weights(group) for group in cosines])
        margin = frozen_copy(self.margin)
        sizes = [len(task.anchors) for task in tasks]
        rows = [self._rows(task, margin, part, step) for task, part in zip(tasks, weights.split(sizes), strict=True)]
        losses = torch.cat(rows)
        sums = losses.detach()[:, 1:].sum(0).tolist()
        return losses[:, 0].mean(), averages(sums, len(losses))

    def _weights(self, cosines: Tensor) -> Tensor:
        """[A], the weights of this process's positives [A] by their cosines beside those of all processes."""
        every = self.weighting.weights(self._gather(cosines))
        rank, size = world() if self.gathered else (0, 1)
        return every.chunk(size)[rank]

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
        others = [margin(cosine, state) for cosine in chunk.others.unbind(1)]
        negatives = margin.negatives(chunk.cosines, margined) / temperature[:, None]
        logits = Logits(
            positive=margined / temperature,
            plain=chunk.positive / temperature,
            others=torch.stack([*others], 1) / temperature[:, None] if others else chunk.others,
            negatives=negatives.masked_fill(chunk.invalid, -torch.inf),
            weight=weights,
            temperature=temperature,
        )
        loss = self.weighting(logits)
        penalty = margin.penalty(norms)
        # An anchor with several positives has a row for each, and the margin's own term once.
        loss = loss if penalty is None else loss + penalty / (1 + len(others))
        with torch.no_grad():
            effective = margin.effective(state).to(loss).expand_as(loss)
            logged = chunk_statistics(chunk, logits)
        return torch.cat([loss[:, None], logged, effective[:, None]], 1)


def chunk_statistics(chunk: SimilarityChunk, logits: Logits) -> Tensor:
    """[B, 5]: cosine of the positive, sum and number of the negatives', p+, 1 where the positive is closer than all.

    p+ is the probability of the positive, or of all positives where there are several.
    """
    negatives = chunk.cosines.masked_fill(chunk.invalid, 0)
    every = torch.cat([logits.positive[:, None], logits.others, logits.negatives], 1)
    mass = torch.softmax(every, 1)[:, : 1 + logits.others.shape[1]].sum(1)
    hardest = torch.cat([chunk.cosines.masked_fill(chunk.invalid, -torch.inf), chunk.positive[:, None] - 1], 1)
    columns = [
        chunk.positive,
        negatives.sum(1),
        (~chunk.invalid).sum(1).to(negatives.dtype),
        mass,
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
