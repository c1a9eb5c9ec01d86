"""The plain softmax classifier: a linear layer and cross-entropy, with neither normalization nor margin."""

import torch
from torch import Tensor, nn

from speakerssl.losses.head import Chosen, Head, Logits


class LinearHead(Head):
    """Cross-entropy of w_c . x + b_c: what x-vectors (Snyder et al. 2018) are trained with. Options: see `Head`."""

    by_class = ("weight", "bias")

    def __init__(
        self,
        embed_dim: int,
        num_classes: int,
        label_smoothing: float = 0.0,
        class_share: float = 1.0,
        dim_share: float = 1.0,
        shard_classes: bool = False,
    ) -> None:
        super().__init__(embed_dim, num_classes, label_smoothing, class_share, dim_share, 1, shard_classes)
        self.bias = nn.Parameter(torch.zeros(len(self.weight)))

    def logits(self, embeddings: Tensor) -> Tensor:
        return nn.functional.linear(embeddings, self.weight.to(embeddings.dtype), self.bias.to(embeddings.dtype))

    def margined(self, embeddings: Tensor, labels: Tensor, chosen: Chosen, step: int) -> Logits:
        bias = self.classes.parameter(self.bias)
        bias = bias if chosen.classes is None else bias.index_select(0, chosen.classes)
        weight = chosen.of(self.classes.parameter(self.weight)).to(embeddings.dtype)
        logits = nn.functional.linear(chosen.dims_of(embeddings), weight, bias.to(embeddings.dtype))
        return Logits(logits, logits)
