"""VICReg: invariance, variance and covariance (Bardes et al. 2022, arXiv 2105.04906).

invariance x mean (z - z')^2 + variance x mean over views of relu(1 - std) + covariance x sum over views of the squared
off-diagonal covariances / D, with 25, 25 and 1, over the batch of all processes.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput, covariance_term, gather, variance_term
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.pairs import PairMethod, build_expander
from speakerssl.options import check_range


class VICReg(PairMethod):
    def __init__(
        self,
        encoder: Encoder,
        projector: nn.Module,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
    ) -> None:
        super().__init__(encoder, projector)
        self.invariance = check_range("vicreg 'invariance'", invariance, 0)
        self.variance = check_range("vicreg 'variance'", variance, 0)
        self.covariance = check_range("vicreg 'covariance'", covariance, 0)

    def compare(self, first: Tensor, second: Tensor) -> LossOutput:
        distance = (first - second).square().mean()
        first, second = gather(first), gather(second)
        spread = (variance_term(first) + variance_term(second)) / 2
        shared = covariance_term(first) + covariance_term(second)
        loss = self.invariance * distance + self.variance * spread + self.covariance * shared
        terms = {"invariance": distance, "variance": spread, "covariance": shared}
        return LossOutput(loss, {f"vicreg/{name}": term.item() for name, term in terms.items()})


@register("vicreg", queues=True)
def build_vicreg(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector {hidden_dim, out_dim, layers}, invariance, variance, covariance."""
    weights = ("invariance", "variance", "covariance")
    check_options("vicreg", options, ("projector", *weights))
    no_loss("vicreg", loss)
    return VICReg(
        encoder, build_expander("vicreg", encoder, options), **{key: options[key] for key in weights if key in options}
    )
