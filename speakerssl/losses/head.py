"""What all classification heads share: labels in, a loss an embedding out; soft targets; a share of the classes.

A head with very many classes (a million pseudo-speakers, or every recording its own: DIET) need not compare each
embedding with each of them. With `class_share` a step takes the batch's own classes and a random share of the others
(Partial FC: arXiv 2203.15565), with `dim_share` a random share of the embedding's dimensions on both sides before
they are normalized (UNICOM: arXiv 2304.05884). Both draw from torch's generator, in training only.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.task import LossOutput
from speakerssl.options import check_range


@dataclass(frozen=True)
class Chosen:
    """The classes [S] and embedding dimensions [E] that a step compares; None: all of them."""

    classes: Tensor | None = None
    dims: Tensor | None = None

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
    """What a head says of N embeddings: losses [N], logits without margin [N, S], and the place of each label [N]."""

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

    Attributes:
        weight: the class centres [C, D], or K of each class [C K, D].
    """

    def __init__(
        self,
        embed_dim: int,
        num_classes: int,
        label_smoothing: float,
        class_share: float,
        dim_share: float,
        subcentres: int = 1,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.num_classes = int(check_range("number of classes", num_classes, 2))
        self.label_smoothing = check_range("label_smoothing", label_smoothing, 0, 1)
        self.class_share = check_range("class_share", class_share, 0, 1)
        self.dim_share = check_range("dim_share", dim_share, 1 / embed_dim, 1)
        self.subcentres = int(check_range("subcentres", subcentres, 1))
        self.weight = nn.Parameter(torch.empty(num_classes * self.subcentres, embed_dim))
        nn.init.xavier_uniform_(self.weight)

    def logits(self, embeddings: Tensor) -> Tensor:
        """Logits [N, C] against all classes, without a margin: the head's prediction."""
        raise NotImplementedError

    def centre_cosines(self, embeddings: Tensor, chosen: Chosen) -> Tensor:
        """The cosine of each embedding [N, D] with every centre of each chosen class, [N, S, K]."""
        centres = chosen.of(self.weight.view(self.num_classes, self.subcentres, -1))
        units = nn.functional.normalize(chosen.dims_of(embeddings), dim=1)
        rows = nn.functional.normalize(centres.flatten(0, 1).to(units.dtype), dim=1)
        return (units @ rows.T).view(len(units), -1, self.subcentres)

    def margined(self, embeddings: Tensor, labels: Tensor, chosen: Chosen, step: int) -> Logits:
        """Logits against the `chosen` classes, among which `labels` [N] count."""
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
            chosen, places = self._choose(labels)
            found = self.margined(embeddings, places, chosen, step)
            losses = self._losses(found, places, None if targets is None else chosen_targets(targets, chosen))
            if found.penalty is not None:
                losses = losses + found.penalty
        return Classified(losses, found.plain, places, {**found.logs, **self._logs(found, places)})

    def _losses(self, found: Logits, labels: Tensor, targets: Tensor | None) -> Tensor:
        """Cross-entropy [N] of logits [N, S] with labels or with soft targets [N, S]."""
        smoothing = self.label_smoothing
        if targets is not None:
            smoothed = (1 - smoothing) * targets.to(found.plain.dtype) + smoothing / found.plain.shape[1]
            return -(smoothed * found.plain.log_softmax(1)).sum(1)
        return nn.functional.cross_entropy(found.margined, labels, reduction="none", label_smoothing=smoothing)

    def _choose(self, labels: Tensor) -> tuple[Chosen, Tensor]:
        """The classes and dimensions of this step, and the place of each label among the classes."""
        if not self.training:
            return Chosen(), labels
        dims = None
        if self.dim_share < 1:
            count = max(1, round(self.dim_share * self.embed_dim))
            dims = torch.randperm(self.embed_dim, device=labels.device)[:count].sort().values
        if self.class_share == 1:
            return Chosen(None, dims), labels
        classes = draw_classes(labels, self.num_classes, self.class_share)
        return Chosen(classes, dims), torch.searchsorted(classes, labels)

    def _check(self, embeddings: Tensor, labels: Tensor, targets: Tensor | None) -> None:
        if embeddings.dim() != 2 or labels.shape != embeddings.shape[:1] or labels.is_floating_point():
            shapes = f"{list(embeddings.shape)} and {list(labels.shape)} of {labels.dtype}"
            raise InputError(f"the head takes embeddings [N, D] and integer labels [N], got {shapes}")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= self.num_classes:
            raise InputError(f"labels must be from 0 to {self.num_classes - 1}, got {low} to {high}")
        if targets is not None and targets.shape != (len(labels), self.num_classes):
            raise InputError(f"soft labels must be {[len(labels), self.num_classes]}, not {list(targets.shape)}")

    @torch.no_grad()
    def _logs(self, found: Logits, labels: Tensor) -> dict[str, Tensor]:
        own = torch.softmax(found.margined, 1).gather(1, labels[:, None])
        correct = (found.plain.argmax(1) == labels).to(own.dtype)
        return {"p_plus": own.mean(), "accuracy": correct.mean()}


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
