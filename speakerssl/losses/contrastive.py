"""The contrastive loss: one core on which symmetry, margin, negatives and regularizers are independent choices.

With anchors i, their positives p(i) and their negatives a in N(i), all by cosine over the temperature tau:

    L = mean_i -log e^{m(cos_ip) / tau} / (e^{m(cos_ip) / tau} + sum_{a in N(i)} e^{cos_ia / tau})

symmetry        anchors and candidates                                                    negatives of an anchor
one_direction   view 1 among view 2: NT-Xent (arXiv 2002.05709)                                          N - 1
both_views      both views among both: SNT-Xent (arXiv 2306.03664)                                      2N - 2
dual            view 1 among view 2 and view 2 among view 1: the softmax of LaBSE (arXiv 2007.01852)     N - 1

`dual` is the mean over its 2N anchors, half the sum of the paper's two directions, so that the three have one scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError, unknown_name
from speakerssl.losses.adaptive import AdaFaceMargin, LearnableMargin, MagFaceMargin
from speakerssl.losses.block import Problem, first_block, map_blocks
from speakerssl.losses.gather import check_equal_sizes, gather, world
from speakerssl.losses.margins import (
    AdditiveAngularMargin,
    AdditiveMargin,
    CurricularMargin,
    Margin,
    MarginState,
    NoMargin,
    SiMoMargin,
    SphereFaceMargin,
)
from speakerssl.losses.negatives import NEGATIVES, NegativeStep
from speakerssl.losses.options import check_keys, check_range, construct
from speakerssl.losses.weighting import WEIGHTINGS, Logits, Softmax

SYMMETRIES = ("one_direction", "both_views", "dual")

MARGINS: dict[str, type[Margin]] = {
    "none": NoMargin,
    "additive": AdditiveMargin,
    "additive_angular": AdditiveAngularMargin,
    "sphere": SphereFaceMargin,
    "curricular": CurricularMargin,
    "magface": MagFaceMargin,
    "adaface": AdaFaceMargin,
    "simo": SiMoMargin,
    "learnable": LearnableMargin,
}


@dataclass(frozen=True)
class LossOutput:
    """A scalar to minimize, and numbers to log."""

    loss: Tensor
    logs: dict[str, float] = field(default_factory=dict)


class ContrastiveLoss(nn.Module):
    """The loss of two views [N, D] of N recordings, not normalized; see the module for the formulas.

    `block_size` is the number of anchors whose cosines exist at a time; with more anchors than that, backward
    recomputes them, and memory grows with block_size x candidates and not with the square of the batch.
    `gathered`: candidates come from all processes of torch.distributed.
    """

    def __init__(
        self,
        symmetry: str = "both_views",
        margin: Margin | None = None,
        temperature: float = 0.2,
        negatives: list[NegativeStep] | None = None,
        weighting: Softmax | None = None,
        regularizers: list[nn.Module] | None = None,
        block_size: int = 1024,
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
        reference: Tensor | None = None,
    ) -> LossOutput:
        """The loss of N recordings, in float32 (float64 for float64 views), whatever the autocast.

        keys: [N] integers; pairs of recordings with equal keys (known or suspected same speaker) are no negatives,
            a negative key is equal to no other.
        targets: views [N, D] of a momentum encoder, in which positives and negatives are looked for instead.
        reference: [N, R] embeddings of the recordings by a frozen model, for negatives that ask for them (dclr).
        """
        check_views(view1, view2)
        with torch.autocast(view1.device.type, enabled=False):
            views = [promote(view1), promote(view2)]
            found = views if targets is None else [promote(view) for view in targets]
            problems, pool, pool_keys = self._problems(views, found, keys, reference)
            total, sums = self._solve(problems, step)
            logs = self._logs(sums)
            for regularizer in self.regularizers:
                term = regularizer(*(self._gather(view) for view in views))
                total = total + regularizer.weight * term
                logs[f"regularizer/{regularizer.label}"] = term.detach().item()
        if self.training:
            for negative in self.negatives:
                negative.remember(pool, pool_keys)
        return LossOutput(total, logs)

    def _gather(self, tensor: Tensor) -> Tensor:
        return gather(tensor) if self.gathered else tensor

    def _problems(
        self, views: list[Tensor], found: list[Tensor], keys: Tensor | None, reference: Tensor | None
    ) -> tuple[list[Problem], Tensor, Tensor]:
        """The one or two problems of the symmetry; and what a memory may keep: candidates and their keys."""
        if self.gathered:
            check_equal_sizes(len(views[0]), views[0].device)
        own, known = recording_keys(keys, len(views[0]), views[0].device, self.gathered)
        norms = [view.norm(dim=1) for view in views]
        units = [normalize(view) for view in views]
        targets = units if found is views else [normalize(view) for view in found]
        pools = [self._gather(target) for target in targets]
        all_keys = self._gather(own)
        frozen = None if reference is None else normalize(promote(reference).detach())
        frozen_pool = None if frozen is None else self._gather(frozen)
        pool_keys = all_keys if known else torch.full_like(all_keys, -1)

        def problem(anchors: list[int], candidates: list[int]) -> Problem:
            stack = len(anchors)
            return Problem(
                torch.cat([units[i] for i in anchors]),
                torch.cat([targets[1 - i] for i in anchors]),
                torch.cat([pools[i] for i in candidates]),
                torch.cat([norms[i] for i in anchors]),
                own.repeat(stack),
                all_keys.repeat(len(candidates)),
                None if frozen is None else frozen.repeat(stack, 1),
                None if frozen_pool is None else frozen_pool.repeat(len(candidates), 1),
            )

        if self.symmetry == "one_direction":
            return [problem([0], [1])], pools[1].detach(), pool_keys
        both = torch.cat(pools).detach(), pool_keys.repeat(2)
        if self.symmetry == "dual":
            return [problem([0], [1]), problem([1], [0])], *both
        return [problem([0, 1], [0, 1])], *both

    def _solve(self, problems: list[Problem], step: int) -> tuple[Tensor, Tensor]:
        """The mean loss over all anchors, and the sums [A, 6] that the logs are made of."""
        cosines = torch.cat([(p.anchors * p.positives).sum(1) for p in problems]).detach()
        norms = torch.cat([p.norms for p in problems])
        if self.training:
            self.margin.observe(self._gather(cosines), self._gather(norms.detach()))
        weights = self._weights(cosines)
        losses, start = [], 0
        for problem in problems:
            for negative in self.negatives:
                negative.prepare(problem)
            share = weights[start : start + len(problem.anchors)]
            losses.append(self._rows(problem, share, step))
            start += len(problem.anchors)
        rows = torch.cat(losses)
        penalty = self.margin.penalty(norms)
        loss = rows[:, 0].mean() if penalty is None else rows[:, 0].mean() + penalty.mean()
        return loss, rows[:, 1:].detach()

    def _weights(self, cosines: Tensor) -> Tensor:
        weights = self.weighting.weights(self._gather(cosines))
        rank = world()[0] if self.gathered else 0
        return weights[rank * len(cosines) : (rank + 1) * len(cosines)]

    def _rows(self, problem: Problem, weights: Tensor, step: int) -> Tensor:
        """[A, 7]: the loss of each anchor and what is logged of it."""

        def rows(start: int, stop: int) -> Tensor:
            block = first_block(problem.rows(start, stop), start)
            for negative in self.negatives:
                block = negative(block)
            count = (~block.invalid).sum(1)
            state = MarginState(block.problem.norms, count, self.temperature, step)
            margined = self.margin(block.positive, state)
            negatives = self.margin.negatives(block.cosines, margined)
            logits = Logits(
                margined / self.temperature,
                block.positive / self.temperature,
                (negatives / self.temperature).masked_fill(block.invalid, -torch.inf),
                weights[start:stop],
                self.temperature,
            )
            loss = self.weighting(logits)
            with torch.no_grad():
                margin = self.margin.effective(state).expand_as(loss)
                logged = observed(block.positive, block.cosines, block.invalid, logits)
            return torch.cat([loss[:, None], logged, margin[:, None].to(loss)], 1)

        return map_blocks(rows, len(problem.anchors), self.block_size)

    def _logs(self, sums: Tensor) -> dict[str, float]:
        positive, negative, count, p_plus, correct, margin = sums.sum(0).tolist()
        anchors = len(sums)
        return {
            "positive_cosine": positive / anchors,
            "negative_cosine": negative / count if count else float("nan"),
            "p_plus": p_plus / anchors,
            "accuracy": correct / anchors,
            "margin": margin / anchors,
        }


def observed(positive: Tensor, cosines: Tensor, invalid: Tensor, logits: Logits) -> Tensor:
    """[B, 5] of each anchor: cosine of the positive, sum and number of the negatives', p+, 1 if it is the closest."""
    hardest = cosines.masked_fill(invalid, -torch.inf).amax(1)
    every = torch.cat([logits.positive[:, None], logits.negatives], 1)
    columns = [
        positive,
        cosines.masked_fill(invalid, 0).sum(1),
        (~invalid).sum(1).to(positive),
        torch.softmax(every, 1)[:, 0],
        (positive > hardest).to(positive),
    ]
    return torch.stack(columns, 1)


def promote(view: Tensor) -> Tensor:
    """float32, or float64 where the input is."""
    return view if view.dtype == torch.float64 else view.float()


def normalize(view: Tensor) -> Tensor:
    """Rows [N, D] to unit length; a row of zeros stays zero."""
    return nn.functional.normalize(view, dim=1)


def check_views(view1: Tensor, view2: Tensor) -> None:
    """Raises InputError unless the two views are [N, D] of equal shape with N >= 1."""
    if view1.dim() != 2 or view1.shape != view2.shape or not len(view1):
        shapes = f"{list(view1.shape)} and {list(view2.shape)}"
        raise InputError(f"the loss takes two views of equal shape [N, D], got {shapes}")


def recording_keys(
    keys: Tensor | None, count: int, device: torch.device, gathered: bool
) -> tuple[Tensor, bool]:
    """Keys [N] under which only same-speaker items are equal, over all processes; and whether they were given."""
    rank = world()[0] if gathered else 0
    # Below every key that a caller gives, and different in every process.
    unique = -2 - torch.arange(rank * count, (rank + 1) * count, device=device)
    if keys is None:
        return unique, False
    if keys.shape != (count,) or keys.is_floating_point():
        raise InputError(
            f"keys must be {count} integers, one a recording, got {keys.dtype} of {list(keys.shape)}"
        )
    keys = keys.to(device=device, dtype=torch.int64)
    return torch.where(keys < 0, unique, keys), True


def build_loss(config: Mapping[str, Any]) -> ContrastiveLoss:
    """The contrastive loss that a configuration describes; `{}` is SNT-Xent at temperature 0.2.

    Keys: symmetry, margin (a name, a number for an additive one, or `{name, value, schedule, ramp_steps, ...}`),
    temperature, negatives (a name, a mapping with a name, or a list of these that are chained), regularizers (a
    list of the same), block_size, gathered.

    Raises InputError for an unknown key, name or option, listing the valid ones.
    """
    valid = [
        "name",
        "symmetry",
        "margin",
        "temperature",
        "negatives",
        "regularizers",
        "block_size",
        "gathered",
    ]
    check_keys("loss", config, valid)
    options = dict(config)
    if options.pop("name", "contrastive") != "contrastive":
        raise unknown_name("loss", str(config["name"]), ("contrastive",))
    temperature = check_range("temperature", options.get("temperature", 0.2), 1e-4)
    options["margin"] = build_margin(options.get("margin", "none"))
    options["negatives"], options["weighting"] = build_negatives(
        options.get("negatives", "batch"), temperature
    )
    options["regularizers"] = build_regularizers(options.get("regularizers", []))
    return ContrastiveLoss(**options)


def build_margin(config: str | float | Mapping[str, Any]) -> Margin:
    """A margin from its name, from a number (additive) or from `{name, ...}`."""
    if isinstance(config, (int, float)):
        config = {"name": "additive", "value": config}
    return construct("margin", MARGINS, config)


def build_negatives(config: Any, temperature: float) -> tuple[list[NegativeStep], Softmax]:
    """The chain of negatives and the one weighting among the entries (softmax where none is)."""
    entries = config if isinstance(config, list) else [config]
    steps, weightings = [], []
    registry: dict[str, type[nn.Module]] = {**NEGATIVES, **WEIGHTINGS}
    for entry in entries:
        built = construct("negatives", registry, entry, temperature=temperature)
        (weightings if isinstance(built, Softmax) else steps).append(built)
    if len(weightings) > 1:
        raise InputError(
            f"negatives can be weighted in one way only: choose one of {', '.join(sorted(WEIGHTINGS))}"
        )
    return steps, weightings[0] if weightings else Softmax()  # type: ignore[return-value]


def build_regularizers(config: Any) -> list[nn.Module]:
    """A list of regularizers from a name, `{name, weight, ...}` or a list of them."""
    from speakerssl.losses.regularizers import REGULARIZERS

    entries = config if isinstance(config, list) else [config]
    return [construct("regularizer", REGULARIZERS, entry) for entry in entries]
