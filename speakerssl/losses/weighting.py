"""From logits to a loss per anchor: how the negatives are weighed against the positive.

Negatives that do not count carry a logit of minus infinity. A logit of 0 would not remove them: e^0 = 1 stays
in the sum.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speakerssl.options import check_range


@dataclass(frozen=True)
class Logits:
    """Cosines over the temperature, for B anchors."""

    positive: Tensor  # [B], with the margin
    plain: Tensor  # [B], the positive without the margin
    others: Tensor  # [B, P - 1], the anchor's other positives, with the margin
    negatives: Tensor  # [B, C], minus infinity where there is none
    weight: Tensor  # [B], of the positive's term
    temperature: Tensor  # [B]


class Softmax(nn.Module):
    """-log p+, p+ = e^{l+} / (sum over the positives e^{l+} + sum e^{l-}): NT-Xent (arXiv 2002.05709), verified."""

    def weights(self, cosines: Tensor) -> Tensor:
        """Weights of the positives' terms from the positives' cosines of the whole batch, [A] to [A], detached."""
        return torch.ones_like(cosines)

    def forward(self, logits: Logits) -> Tensor:
        """The loss of each anchor, [B]."""
        every = torch.cat([logits.positive[:, None], logits.others, logits.negatives], 1)
        return torch.logsumexp(every, 1) - logits.positive


class Decoupled(Softmax):
    """-l+ + log sum over the negatives alone of e^{l-}: DCL (arXiv 2110.06848), verified.

    A constant additive margin shifts it by m / tau and has no gradient. An anchor without negatives counts 0. Other
    positives of the anchor are left out of the sum as the positive is.
    """

    def forward(self, logits: Logits) -> Tensor:
        some = torch.isfinite(logits.negatives).any(1)
        # The logarithm of an empty sum would poison the gradient even where it is not selected.
        negatives = logits.negatives.masked_fill(~some[:, None], 0.0)
        loss = torch.logsumexp(negatives, 1) - logits.weight * logits.positive
        return torch.where(some, loss, torch.zeros_like(loss))


class DecoupledWeighted(Decoupled):
    """DCL with the positive's term times 2 - A softmax_i(cos+_i / sigma) over the A anchors of the batch: DCLW.

    arXiv 2110.06848; a positive that is still far apart counts more. sigma 0.5 (verified).
    """

    def __init__(self, sigma: float = 0.5) -> None:
        super().__init__()
        self.sigma = check_range("sigma", sigma, 1e-3)

    def weights(self, cosines: Tensor) -> Tensor:
        cosines = cosines.detach()
        return 2 - len(cosines) * torch.softmax(cosines / self.sigma, 0)


class Debiased(Softmax):
    """log(1 + Ng / e^{l+}), Ng = max((sum e^{l-} - K tau+ e^{l+}) / (1 - tau+), K e^{-1/tau}) with K negatives.

    Debiased contrastive loss (arXiv 2007.00224), verified: a share `prior` (tau+) of the negatives is taken to
    be the anchor's own speaker, and their part is estimated by the positive, without its margin. prior 0.1
    is the paper's; with many speakers it is about 1 / speakers (1/5994 on VoxCeleb2).
    """

    def __init__(self, prior: float = 0.1) -> None:
        super().__init__()
        self.prior = check_range("prior", prior, 0, 0.999)

    def forward(self, logits: Logits) -> Tensor:
        count = torch.isfinite(logits.negatives).sum(1).to(logits.plain.dtype)
        # Everything is divided by e^top, so that no exponential overflows at a low temperature.
        top = torch.cat([logits.negatives, logits.plain[:, None]], 1).amax(1).detach()
        total = torch.exp(logits.negatives - top[:, None]).sum(1)
        own = self.prior * count * torch.exp(logits.plain - top)
        least = count * torch.exp(-1 / logits.temperature - top)
        estimate = torch.maximum((total - own) / (1 - self.prior), least)
        # Far below the positive the logarithm may be anything small; K = 0 must not make it minus infinity.
        estimate = estimate.clamp(min=torch.finfo(estimate.dtype).tiny)
        log_negatives = estimate.log() + top
        every = torch.cat([logits.positive[:, None], logits.others, log_negatives[:, None]], 1)
        loss = torch.logsumexp(every, 1) - logits.positive
        return torch.where(count > 0, loss, torch.zeros_like(loss))


WEIGHTINGS: dict[str, type[Softmax]] = {
    "softmax": Softmax,
    "decoupled": Decoupled,
    "dclw": DecoupledWeighted,
    "debiased": Debiased,
}
