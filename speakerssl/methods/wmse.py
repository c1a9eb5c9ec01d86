"""W-MSE: whitened projections of two views are pulled together (Ermolov et al. 2021, arXiv 2007.06346).

The batch is split at random into sub-batches; each view of each is whitened by the Cholesky factor of its covariance,
and the loss is the mean of 2 - 2 cos. Whitened projections cannot collapse: their covariance is the identity.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError, JobError
from speakerssl.losses import LossOutput
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.heads import build_mlp
from speakerssl.methods.pairs import PairMethod
from speakerssl.options import check_range


class WMSE(PairMethod):
    """`sub_batch` 128 is the paper's; each must hold more recordings than the projector has outputs (64)."""

    def __init__(
        self, encoder: Encoder, projector: nn.Module, sub_batch: int = 128, iterations: int = 1, shrinkage: float = 0.0
    ) -> None:
        super().__init__(encoder, projector)
        self.sub_batch = int(check_range("wmse 'sub_batch'", sub_batch, 2))
        self.iterations = int(check_range("wmse 'iterations'", iterations, 1))
        self.shrinkage = check_range("wmse 'shrinkage'", shrinkage, 0, 1)

    def compare(self, first: Tensor, second: Tensor) -> LossOutput:
        count, dim = first.shape
        parts = max(1, count // self.sub_batch)
        if count // parts <= dim:
            raise InputError(
                f"method wmse: sub-batches of {count // parts} recordings cannot whiten {dim} dimensions; "
                "lower projector.out_dim or raise sub_batch and batch_size"
            )
        losses = []
        for _ in range(self.iterations):
            for chosen in torch.randperm(count).to(first.device).chunk(parts):
                x, y = (whiten(view[chosen], self.shrinkage) for view in (first, second))
                losses.append(2 - 2 * nn.functional.cosine_similarity(x, y))
        return LossOutput(torch.cat(losses).mean())


def whiten(values: Tensor, shrinkage: float = 0.0) -> Tensor:
    """[N, D] with mean 0 and covariance I (over N - 1): L^-1 (x - mean), L L^T the covariance, in float64.

    `shrinkage` mixes in that share of the identity first. Raises JobError where the covariance has no inverse.
    """
    centred = (values - values.mean(0)).double()
    covariance = centred.T @ centred / (len(values) - 1)
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    factor, failed = torch.linalg.cholesky_ex((1 - shrinkage) * covariance + shrinkage * identity)
    if int(failed):
        raise JobError("the projections of a sub-batch lie in fewer dimensions than they have: lower projector.out_dim")
    return torch.linalg.solve_triangular(factor, centred.T, upper=False).T.to(values)


@register("wmse", queues=True)
def build_wmse(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim 1024, out_dim 64, layers 2}, sub_batch, iterations, shrinkage."""
    own = ("sub_batch", "iterations", "shrinkage")
    check_options("wmse", options, ("projector", *own))
    no_loss("wmse", loss)
    default = {"hidden_dim": 1024, "out_dim": 64, "layers": 2}
    projector, _ = build_mlp("wmse projector", encoder.embed_dim, options.get("projector", {}), default)
    return WMSE(encoder, projector, **{key: options[key] for key in own if key in options})
