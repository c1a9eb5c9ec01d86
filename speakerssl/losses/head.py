"""What all classification heads share: labels in, a loss an embedding out; soft targets; a share of the classes.

A head with very many classes (a million pseudo-speakers, or every recording its own: DIET) need not compare each
embedding with each of them. With `class_share` a step takes the batch's own classes and a random share of the others
(Partial FC: arXiv 2203.15565), with `dim_share` a random share of the embedding's dimensions on both sides before
they are normalized (UNICOM: arXiv 2304.05884). Both draw from torch's generator, in training only. With
`shard_classes` each of several processes holds the centres of its share of the classes alone (class_shard.py).
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.all_classes import AllClasses
from speakerssl.losses.class_shard import ClassShard
from speakerssl.losses.gather import world
from speakerssl.losses.task import LossOutput
from speakerssl.options import check_range


@dataclass(frozen=True)
class Chosen:
    """The classes [S] and embedding dimensions [E] that a step compares; None: all of them.

    `classes` are rows of this process's centres, `total` counts those of all processes.
    """

    classes: Tensor | None = None
    dims: Tensor | None = None
    total: int = 0

    def of(self, weight: Tensor) -> Tensor:
        """The chosen part of class weights [C, ..., D]."""
        return self.dims_of(weight if self.classes is None else weight.index_select(0, self.classes))

    def dims_of(self, vectors: Tensor) -> Tensor:
        """The chosen dimensions of [..., D]."""
        return vectors if self.dims is None else vectors.index_select(-1, self.dims)


@dataclass(frozen=True)
class Logits:
    """Of N embeddings against S classes: without margin [N, S], with it [N, S], and what the margin adds [N]."""

    plain: Tensor
    margined: Tensor
    penalty: Tensor | None = None
    logs: dict[str, Tensor] = field(default_factory=dict)  # scalars


@dataclass(frozen=True)
class Classified:
    """What a head says of N embeddings: losses [N], logits without margin [N, S], and the place of each label [N].

    With classes shared out over processes the last two are of the embeddings of all, and of the classes here.
    """

    losses: Tensor
    logits: Tensor
    labels: Tensor
    logs: dict[str, Tensor]


class Head(nn.Module):
    """Base of the heads; a subclass gives `logits` and `margined`.

    Args:
        label_smoothing: this much of the target is spread evenly over all classes.
        class_share: share of the classes that are not in the batch, drawn anew each step; 1 takes all. The paper's
            0.1 (unverified).
        dim_share: share of the embedding's dimensions, drawn anew each step. UNICOM's are 512 of 768 (verified).
        subcentres: K, centres of each class.
        shard_classes: whether each of several processes holds its share of the classes, which then fit though the
            whole would not: C / P centres, and what the optimizer keeps of them, of P processes.

    Attributes:
        weight: the class centres [C, D], or K of each class [C K, D]; of the classes here, where they are shared out.
        classes: which those are, and what is done over all of them.
        by_class: parameters with one or more rows a class.
    """

    by_class: tuple[str, ...] = ("weight",)

    def __init__(
        self,
        embed_dim: int,
        num_classes: int,
        label_smoothing: float,
        class_share: float,
        dim_share: float,
        subcentres: int = 1,
        shard_classes: bool = False,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.num_classes = int(check_range("number of classes", num_classes, 2))
        self.label_smoothing = check_range("label_smoothing", label_smoothing, 0, 1)
        self.class_share = check_range("class_share", class_share, 0, 1)
        self.dim_share = check_range("dim_share", dim_share, 1 / embed_dim, 1)
        self.subcentres = int(check_range("subcentres", subcentres, 1))
        if not isinstance(shard_classes, bool):
            raise InputError(f"shard_classes is true or false, not {shard_classes!r}")
        self.classes = ClassShard(num_classes) if shard_classes and world()[1] > 1 else AllClasses(num_classes)
        self.weight = nn.Parameter(_xavier_rows(num_classes * self.subcentres, embed_dim, self.classes))

    def logits(self, embeddings: Tensor) -> Tensor:
        """Logits [N, C] against all classes, without a margin: the head's prediction."""
        raise NotImplementedError

    def centre_cosines(self, embeddings: Tensor, chosen: Chosen) -> Tensor:
        """The cosine of each embedding [N, D] with every centre of each chosen class, [N, S, K]."""
        weight = self.classes.parameter(self.weight)
        centres = chosen.of(weight.view(-1, self.subcentres, self.embed_dim))
        units = nn.functional.normalize(chosen.dims_of(embeddings), dim=1)
        rows = nn.functional.normalize(centres.flatten(0, 1).to(units.dtype), dim=1)
        return (units @ rows.T).view(len(units), len(centres), self.subcentres)

    def margined(self, embeddings: Tensor, labels: Tensor, chosen: Chosen, step: int) -> Logits:
        """Logits against the `chosen` classes; `labels` [N] are places among them, as `AllClasses` has them."""
        raise NotImplementedError

    def forward(self, embeddings: Tensor, labels: Tensor, step: int = 0, targets: Tensor | None = None) -> LossOutput:
        """The mean loss of embeddings [N, D] (not normalized) with labels [N] from 0 to C - 1; see `classify`."""
        found = self.classify(embeddings, labels, step, targets)
        names = list(found.logs)
        values = torch.stack([found.logs[name].float() for name in names]).tolist()
        return LossOutput(found.losses.mean(), dict(zip(names, values)))

    def classify(self, embeddings: Tensor, labels: Tensor, step: int = 0, targets: Tensor | None = None) -> Classified:
        """The loss of each embedding [N, D]; `targets` [N, C] are soft labels, whose rows sum to 1.

        With soft labels no class is the own one, so that no margin applies and `labels` only serve the logs.
        Raises InputError for shapes that do not belong together and labels outside 0..C-1.
        """
        self._check(embeddings, labels, targets)
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
            embeddings = self.classes.gathered(embeddings)
            chosen, places = self._choose(self.classes.gathered(labels))
            found = self.margined(embeddings, places, chosen, step)
            soft = None if targets is None else chosen_targets(targets, chosen)
            losses = self._losses(found, places, soft, chosen.total)
            if found.penalty is not None:
                losses = losses + found.penalty
        logs = {**found.logs, **self._logs(found, places, chosen.total)}
        return Classified(self.classes.returned(losses), found.plain, places, logs)

    @torch.no_grad()
    def plain_losses(self, found: Classified) -> Tensor:
        """Cross-entropy [N] of the logits without margin, smoothing or penalty: how well each label is fitted."""
        losses = self.classes.cross_entropy(found.logits, found.labels, self.num_classes, 0.0)
        return self.classes.returned(losses)

    @torch.no_grad()
    def lead(self, found: Classified) -> Tensor:
        """The own class's logit, without margin, less the largest other one [N]: above 0 where the head is right."""
        beaten = found.logits.new_full((len(found.logits),), -torch.inf)
        others = self.classes.largest(self.classes.put(found.logits, found.labels, beaten))
        return self.classes.returned(self.classes.own(found.logits, found.labels) - others)

    def _losses(self, found: Logits, labels: Tensor, targets: Tensor | None, classes: int) -> Tensor:
        """Cross-entropy [N] of logits [N, S] with labels or with soft targets [N, S]; `classes` over all processes."""
        smoothing = self.label_smoothing
        if targets is not None:
            smoothed = (1 - smoothing) * targets.to(found.plain.dtype) + smoothing / found.plain.shape[1]
            return -(smoothed * found.plain.log_softmax(1)).sum(1)
        return self.classes.cross_entropy(found.margined, labels, classes, smoothing)

    def _choose(self, labels: Tensor) -> tuple[Chosen, Tensor]:
        """The classes and dimensions of this step, and the place of each label among the classes."""
        dims, classes = None, None
        if self.training and (self.dim_share < 1 or self.class_share < 1):
            with self.classes.drawing(labels.device):
                if self.dim_share < 1:
                    count = max(1, round(self.dim_share * self.embed_dim))
                    dims = torch.randperm(self.embed_dim, device=labels.device)[:count].sort().values
                if self.class_share < 1:
                    classes = draw_classes(labels, self.num_classes, self.class_share)
        total = self.num_classes if classes is None else len(classes)
        here, places = self.classes.local(classes, labels)
        return Chosen(here, dims, total), places

    def _check(self, embeddings: Tensor, labels: Tensor, targets: Tensor | None) -> None:
        if embeddings.dim() != 2 or labels.shape != embeddings.shape[:1] or labels.is_floating_point():
            shapes = f"{list(embeddings.shape)} and {list(labels.shape)} of {labels.dtype}"
            raise InputError(f"the head takes embeddings [N, D] and integer labels [N], got {shapes}")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= self.num_classes:
            raise InputError(f"labels must be from 0 to {self.num_classes - 1}, got {low} to {high}")
        if targets is not None and targets.shape != (len(labels), self.num_classes):
            raise InputError(f"soft labels must be {[len(labels), self.num_classes]}, not {list(targets.shape)}")
        if targets is not None and self.classes.shared:
            raise InputError("shard_classes is for hard labels: leave it out with soft ones")

    @torch.no_grad()
    def _logs(self, found: Logits, labels: Tensor, classes: int) -> dict[str, Tensor]:
        own = (-self.classes.cross_entropy(found.margined, labels, classes, 0.0)).exp()
        correct = self.classes.correct(found.plain, labels).to(own.dtype)
        return {"p_plus": own.mean(), "accuracy": correct.mean()}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Of whole centres each process takes its own."""
        for name in self.by_class:
            whole, mine = state_dict.get(prefix + name), getattr(self, name)
            if whole is not None and len(whole) != len(mine) and len(whole) % self.num_classes == 0:
                state_dict[prefix + name] = self.classes.rows(whole)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _xavier_rows(rows: int, size: int, classes: AllClasses) -> Tensor:
    """The rows of `classes` of nn.init.xavier_uniform_ [rows, size], drawn in blocks: the whole need not fit."""
    bound = math.sqrt(3.0) * math.sqrt(2.0 / (rows + size))
    kept = classes.rows(torch.arange(rows))
    weight, start = torch.empty(len(kept), size), int(kept[0]) if len(kept) else rows
    for first in range(0, rows, 65536):
        block = torch.empty(min(65536, rows - first), size).uniform_(-bound, bound)
        low, high = max(first, start), min(first + len(block), start + len(kept))
        if low < high:
            weight[low - start : high - start] = block[low - first : high - first]
    return weight


def draw_classes(labels: Tensor, num_classes: int, share: float) -> Tensor:
    """The distinct `labels` [N] and a random `share` of the other classes, int64 in rising order; at least 2."""
    own = labels.unique()
    others = num_classes - len(own)
    count = len(own) + max(round(share * others), min(others, max(0, 2 - len(own))))
    order = torch.rand(num_classes, device=labels.device)
    order[own] = 2.0  # before all others
    return order.topk(count).indices.sort().values


def chosen_targets(targets: Tensor, chosen: Chosen) -> Tensor:
    """Soft labels [N, C] over the chosen classes alone, their rows summing to 1 again."""
    if chosen.classes is None:
        return targets
    kept = targets.index_select(1, chosen.classes)
    return kept / kept.sum(1, keepdim=True).clamp(min=torch.finfo(kept.dtype).tiny)
