"""From the views of a batch to contrastive tasks: anchors of this process among candidates of all processes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from speakerssl.losses.gather import gather, world
from speakerssl.losses.identity import UNKNOWN, Identity, join
from speakerssl.losses.symmetry import TaskPlan
from speakerssl.losses.task import ContrastiveTask
from speakerssl.losses.vectors import lengths, normalize, promote


@dataclass(frozen=True)
class Views:
    """V views of N recordings, promoted to float32 or float64 but not normalized."""

    views: Sequence[Tensor]  # [N, D] each
    targets: Sequence[Tensor]  # [N, D] each, in which positives and negatives are looked for
    temperatures: Sequence[Tensor]  # [N] each
    identities: Sequence[Identity]  # of the N items of each view
    target_identities: Sequence[Identity]  # of the N items of each target
    reference: Tensor | None = None  # [N, R]


@dataclass(frozen=True)
class MemoryBatch:
    """What a memory may keep of a step: unit vectors [M, D] of all processes, and whose they are."""

    vectors: Tensor
    identity: Identity


class GatheredViews:
    """The views of this process as anchors, those of all processes as candidates.

    `gathered`: whether candidates come from all processes of torch.distributed.
    """

    def __init__(self, given: Views, gathered: bool) -> None:
        self.given = given
        collect = gather if gathered else _identity
        self.units = [normalize(view) for view in given.views]
        targets = self.units if given.targets is given.views else [normalize(view) for view in given.targets]
        self.candidates = [collect(target) for target in targets]
        self.candidate_identities = [identity.map(collect) for identity in given.target_identities]
        self.reference = None if given.reference is None else normalize(promote(given.reference.detach()))
        self.candidate_reference = None if self.reference is None else collect(self.reference)
        count = len(self.units[0])
        first = count * world()[0] if gathered else 0
        self.place = first + torch.arange(count, device=self.units[0].device)  # of this process's rows

    def task(self, plan: TaskPlan) -> ContrastiveTask:
        """The contrastive task of a plan, by view and then by row."""
        chosen = plan.anchors
        candidates = joined([self.candidates[view] for view in plan.candidates])
        # One process searches among its own anchors: the same tensor, whose gradient is then one as well.
        same = chosen == plan.candidates and all(self.candidates[view] is self.units[view] for view in chosen)
        identities = [self.given.identities[view] for view in chosen]
        return ContrastiveTask(
            anchors=candidates if same else joined([self.units[view] for view in chosen]),
            positive_indices=torch.cat([self._index(view, plan) for view in plan.positives]),
            candidates=candidates,
            norms=torch.cat([lengths(self.given.views[view]) for view in chosen]),
            identity=join(identities),
            candidate_identity=join([self.candidate_identities[view] for view in plan.candidates]),
            temperature=torch.cat([self.given.temperatures[view] for view in chosen]),
            other_positives=self._others(plan) if plan.others else None,
            reference=None if self.reference is None else self.reference.repeat(len(chosen), 1),
            candidate_reference=(
                None if self.candidate_reference is None else self.candidate_reference.repeat(len(plan.candidates), 1)
            ),
        )

    def memory(self, views: Sequence[int]) -> MemoryBatch:
        """The candidates of `views`, for a memory."""
        found = join([self.candidate_identities[view] for view in views])
        known = found.map(lambda values: values.clamp(min=UNKNOWN))
        return MemoryBatch(joined([self.candidates[view] for view in views]).detach(), known)

    def _index(self, view: int, plan: TaskPlan) -> Tensor:
        """[N], where this process's rows of `view` stand among the candidates."""
        return plan.candidates.index(view) * len(self.candidates[view]) + self.place

    def _others(self, plan: TaskPlan) -> Tensor:
        rows = [torch.stack([self._index(view, plan) for view in views], 1) for views in plan.others]
        return torch.cat(rows)


def joined(tensors: list[Tensor]) -> Tensor:
    """All rows in order; a single tensor is not copied."""
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)


def _identity(tensor: Tensor) -> Tensor:
    return tensor
