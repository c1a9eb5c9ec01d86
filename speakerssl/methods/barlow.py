"""Barlow Twins: the cross-correlation of the views becomes the identity (Zbontar et al. 2021, arXiv 2103.03230).

C = standardized(z)^T standardized(z') / N;  loss = sum_i (1 - C_ii)^2 + redundancy x sum_{i != j} C_ij^2.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput, gather
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.pairs import PairMethod, build_expander
from speakerssl.options import check_range


class BarlowTwins(PairMethod):
    """redundancy 0.005 is the paper's, over the batch of all processes."""

    def __init__(self, encoder: Encoder, projector: nn.Module, redundancy: float = 0.005, scale: float = 1.0) -> None:
        super().__init__(encoder, projector)
        self.redundancy = check_range("barlow 'redundancy'", redundancy, 0)
        self.scale = check_range("barlow 'scale'", scale, 0)

    def compare(self, first: Tensor, second: Tensor) -> LossOutput:
        first, second = standardize(gather(first)), standardize(gather(second))
        correlation = first.T @ second / len(first)
        diagonal = correlation.diagonal()
        on = (1 - diagonal).square().sum()
        off = correlation.square().sum() - diagonal.square().sum()
        loss = self.scale * (on + self.redundancy * off)
        return LossOutput(loss, {"barlow/on_diagonal": on.item(), "barlow/off_diagonal": off.item()})


def standardize(values: Tensor) -> Tensor:
    """Columns of [N, D] to mean 0 and variance 1, as batch normalization does."""
    centred = values - values.mean(0)
    return centred / (centred.square().mean(0) + 1e-5).sqrt()


@register("barlow", queues=True)
def build_barlow(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim, out_dim, layers}, redundancy, scale (of the whole loss, 1)."""
    check_options("barlow", options, ("projector", "redundancy", "scale"))
    no_loss("barlow", loss)
    chosen = {key: options[key] for key in ("redundancy", "scale") if key in options}
    return BarlowTwins(encoder, build_expander("barlow", encoder, options), **chosen)
