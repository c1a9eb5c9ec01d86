"""Adaptive multi-head projection: several small heads, each with its own loss and its own temperatures."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from speakerssl.losses.contrastive import ContrastiveLoss
from speakerssl.losses.identity import Identity
from speakerssl.losses.task import LossOutput
from speakerssl.losses.vectors import check_views, promote
from speakerssl.options import check_range

LOWEST = 0.01  # below it, e^{1 / tau} leaves float32


class Head(nn.Module):
    """An MLP projection [N, dim] to [N, out_dim], and a temperature for every row of it."""

    def __init__(self, dim: int, hidden_dim: int, out_dim: int, temperature: float, adaptive: bool) -> None:
        super().__init__()
        self.projection = nn.Sequential(
            nn.Linear(dim, hidden_dim), nn.ReLU(inplace=True), nn.Linear(hidden_dim, out_dim)
        )
        self.adaptive = adaptive
        self.temperature = nn.Linear(out_dim, 1)
        nn.init.zeros_(self.temperature.weight)
        nn.init.constant_(self.temperature.bias, math.log(math.expm1(temperature - LOWEST)))
        self.temperature.weight.requires_grad_(adaptive)

    def forward(self, views: Sequence[Tensor]) -> list[Tensor]:
        """All views projected."""
        return [self.projection(view) for view in views]

    def temperatures(self, projected: Tensor) -> Tensor:
        """One temperature a row of [N, out_dim], the same for all where it is not adaptive; [N], float32 or more."""
        dtype = torch.float64 if projected.dtype == torch.float64 else torch.float32
        with torch.autocast(projected.device.type, enabled=False):
            return nn.functional.softplus(self.temperature(projected.to(dtype))).squeeze(1) + LOWEST


class MultiHeadLoss(nn.Module):
    """A projection in the style of AMCL (adaptive multi-head contrastive learning, arXiv 2310.05615).

    Every one of the 4 to 8 heads projects the views and solves the contrastive problem of `core` (its own copy)
    at its own temperatures: the sum over heads of L_head + beta mean log tau, tau_i = softplus(w z_i + b) + 0.01
    of the anchor i. AMCL's own formula was not recovered; this form is derived, and so are the defaults. With
    beta = 0 a head of well separated pairs lowers its temperature by itself, one of mixed-up pairs raises it.
    """

    def __init__(
        self,
        core: ContrastiveLoss,
        dim: int,
        heads: int = 4,
        hidden_dim: int = 512,
        out_dim: int = 128,
        beta: float = 0.1,
        adaptive: bool = True,
    ) -> None:
        super().__init__()
        count = int(check_range("multi_head 'heads'", heads, 1, 64))
        check_range("temperature of a multi_head loss", core.temperature, LOWEST + 1e-3)
        self.beta = check_range("multi_head 'beta'", beta, 0)
        self.heads = nn.ModuleList(Head(dim, hidden_dim, out_dim, core.temperature, adaptive) for _ in range(count))
        # Each head has its own space: its own queue and its own running statistics.
        self.cores = nn.ModuleList(copy.deepcopy(core) for _ in range(count))

    def forward(
        self,
        view1: Tensor,
        view2: Tensor,
        step: int = 0,
        identities: Identity | Sequence[Identity] | None = None,
        *,
        targets: Sequence[Tensor] | None = None,
        target_identities: Sequence[Identity] | None = None,
        reference: Tensor | None = None,
    ) -> LossOutput:
        """As ContrastiveLoss, from embeddings [N, dim]; the logs are averages over heads."""

        def solve(core: ContrastiveLoss, head: Head, views: list[Tensor], temperatures: list[Tensor]) -> LossOutput:
            found = None
            if targets is not None:
                with torch.no_grad():
                    found = head(targets)
            one, other = views
            return core(
                one, other, step, identities,
                targets=found, target_identities=target_identities, temperatures=temperatures, reference=reference,
            )  # fmt: skip

        check_views(view1, view2, *(targets or ()))
        return self._sum([view1, view2], solve)

    def multi_view(
        self,
        views: Sequence[Tensor],
        step: int = 0,
        identities: Identity | Sequence[Identity] | None = None,
        *,
        num_global: int = 2,
        positives: str = "softmax_of_both",
        reference: Tensor | None = None,
    ) -> LossOutput:
        """As `ContrastiveLoss.multi_view`."""

        def solve(core: ContrastiveLoss, head: Head, found: list[Tensor], temperatures: list[Tensor]) -> LossOutput:
            return core.multi_view(
                found, step, identities,
                num_global=num_global, positives=positives, temperatures=temperatures, reference=reference,
            )  # fmt: skip

        check_views(*views)
        return self._sum(views, solve)

    def _sum(self, views: Sequence[Tensor], solve: Callable[..., LossOutput]) -> LossOutput:
        """The sum over heads of `solve(core, head, projected views, temperatures)` and of beta mean log tau."""
        total = views[0].new_zeros((), dtype=promote(views[0][:0]).dtype)
        logs: dict[str, float] = {}
        heads, cores = cast(list[Head], list(self.heads)), cast(list[ContrastiveLoss], list(self.cores))
        for head, core in zip(heads, cores, strict=True):
            projected = head(views)
            temperatures = [head.temperatures(view) for view in projected]
            output = solve(core, head, projected, temperatures)
            anchors = temperatures[:1] if core.symmetry == "one_direction" else temperatures
            mean_log = torch.cat(anchors).log().mean()
            total = total + output.loss + self.beta * mean_log
            numbers = {**output.logs, "temperature": mean_log.detach().exp().item()}
            for name, number in numbers.items():
                logs[name] = logs.get(name, 0.0) + number / len(self.heads)
        return LossOutput(total, logs)
