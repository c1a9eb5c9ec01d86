"""SphereFace2 (arXiv 2108.01513): one binary classifier a class, so that classes do not compete."""

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.head import Chosen, Head, Logits
from speakerssl.losses.margins import AdditiveMargin, Margin
from speakerssl.options import check_range


class SphereFace2Head(Head):
    """A sum over the classes: lambda log(1 + e^-(s (g(cos) - m) + b)) for the own, and for each other class
    (1 - lambda) log(1 + e^(s (g(cos) + m) + b)).

    g(z) = 2 ((z + 1) / 2)^t - 1 spreads the cosines; b is learned and shared. Classes left out by `class_share` are
    simply no terms of the sum. Soft labels weigh the two terms of each class.

    Args:
        margin: an additive one; 0.2 (verified in a public port for speaker verification).
        scale: s, 32 (verified there).
        balance: lambda, 0.7 (verified there).
        curve: t, 3 (verified there).
    """

    def __init__(
        self,
        embed_dim: int,
        num_classes: int,
        margin: Margin | None = None,
        scale: float = 32.0,
        balance: float = 0.7,
        curve: float = 3.0,
        label_smoothing: float = 0.0,
        class_share: float = 1.0,
        dim_share: float = 1.0,
        shard_classes: bool = False,
    ) -> None:
        super().__init__(embed_dim, num_classes, label_smoothing, class_share, dim_share, 1, shard_classes)
        margin = margin or AdditiveMargin(0.2)
        if not isinstance(margin, AdditiveMargin):
            raise InputError("sphereface2 takes a number or an additive margin")
        self.margin: AdditiveMargin = margin
        self.scale = check_range("scale", scale, 1e-3)
        self.balance = check_range("balance", balance, 0, 1)
        self.curve = check_range("curve", curve, 1e-3)
        self.bias = nn.Parameter(torch.zeros(()))

    def logits(self, embeddings: Tensor) -> Tensor:
        return self._spread(self.centre_cosines(embeddings, Chosen()).squeeze(2))

    def _spread(self, cosines: Tensor) -> Tensor:
        curved = 2 * ((cosines.clamp(-1, 1) + 1) / 2) ** self.curve - 1
        return self.scale * curved + self.bias.to(cosines.dtype)

    def margined(self, embeddings: Tensor, labels: Tensor, chosen: Chosen, step: int) -> Logits:
        cosines = self.centre_cosines(embeddings, chosen).squeeze(2)
        plain = self._spread(cosines)
        margin = self.margin.at(step)
        shift = self.classes.put(torch.full_like(plain, margin), labels, torch.full_like(embeddings[:, 0], -margin))
        own = self.classes.own(cosines.detach(), labels).mean()
        return Logits(
            plain, plain + self.scale * shift, None, {"positive_cosine": own, "margin": own.new_tensor(margin)}
        )

    def _losses(self, found: Logits, labels: Tensor, targets: Tensor | None, classes: int) -> Tensor:
        logits = found.margined if targets is None else found.plain
        if targets is None:
            targets = self.classes.put(torch.zeros_like(logits), labels, torch.ones_like(logits[:, :1].sum(1)))
        smoothing = self.label_smoothing
        share = (1 - smoothing) * targets.to(logits.dtype) + smoothing / classes
        own, other = nn.functional.softplus(-logits), nn.functional.softplus(logits)
        return self.classes.sum(self.balance * share * own + (1 - self.balance) * (1 - share) * other)
