"""Classification heads: embeddings against class centres, with the same margins as the contrastive loss.

AM-Softmax, AAM-Softmax, MagFace, AdaFace and so on by the margin; sub-centres (Sub-center ArcFace, ECCV 2020) and
the inter-top-k penalty (arXiv 2110.05042) by options. For supervised training, and on pseudo-labels.
`classifiers.py` gives each of them its one word in a configuration.
"""

import torch
from torch import Tensor

from speakerssl.errors import InputError
from speakerssl.losses.adaptive import rotated
from speakerssl.losses.contrastive import frozen_copy
from speakerssl.losses.head import Chosen, Head, Logits
from speakerssl.losses.margins import Margin, MarginState, NoMargin
from speakerssl.options import check_range


class ClassificationHead(Head):
    """Cross-entropy of scale x cosines between embeddings [N, D] and class centres, margin on the own class.

    Args:
        margin: on the cosine with the own class.
        scale: s = 1 / tau; 30 to 32 in speaker verification, 64 in face recognition (verified).
        subcentres: K centres a class, of which the closest counts: cos = max_k cos(x, w_ck). K = 3 takes noisy
            labels (verified).
        inter_topk, topk_penalty: the inter_topk closest other classes get cos(t - penalty) in the place of cos t; the
            penalty 0.06 (for a margin of 0.2; it is scaled by margin / 0.2) and k = 5 (verified).
        options: of every head, see `Head`.
    """

    def __init__(
        self,
        embed_dim: int,
        num_classes: int,
        margin: Margin | None = None,
        scale: float = 30.0,
        subcentres: int = 1,
        inter_topk: int = 0,
        topk_penalty: float = 0.06,
        label_smoothing: float = 0.0,
        class_share: float = 1.0,
        dim_share: float = 1.0,
        shard_classes: bool = False,
    ) -> None:
        super().__init__(embed_dim, num_classes, label_smoothing, class_share, dim_share, subcentres, shard_classes)
        self.margin: Margin = margin or NoMargin()
        self.scale = check_range("scale", scale, 1e-3)
        self.inter_topk = int(check_range("inter_topk", inter_topk, 0, num_classes - 1))
        self.topk_penalty = check_range("topk_penalty", topk_penalty, 0, 1)
        if shard_classes and self.inter_topk:
            raise InputError("inter_topk compares all classes in one process: leave out shard_classes, or set it to 0")

    def cosines(self, embeddings: Tensor, chosen: Chosen | None = None) -> Tensor:
        """The cosine of each embedding [N, D] with the closest centre of each class, [N, C] (or of the chosen ones)."""
        return self.centre_cosines(embeddings, chosen or Chosen()).amax(2)

    def logits(self, embeddings: Tensor) -> Tensor:
        """scale x cosines [N, C], without a margin."""
        return self.scale * self.cosines(embeddings)

    def margined(self, embeddings: Tensor, labels: Tensor, chosen: Chosen, step: int) -> Logits:
        norms = embeddings.norm(dim=1)
        cosines = self.cosines(embeddings, chosen)
        own = self.classes.own(cosines, labels)
        if self.training:
            self.margin.observe(own.detach(), norms.detach())
        margin = frozen_copy(self.margin)
        others = torch.full_like(labels, chosen.total - 1)
        state = MarginState(norms, others, torch.full_like(norms, 1 / self.scale), step)
        with_margin = margin(own, state)
        effective = margin.effective(state).detach().expand_as(own)
        logits = self._penalize(margin.negatives(cosines, with_margin), labels, effective)
        logits = self.classes.put(logits, labels, with_margin) * self.scale
        logs = {"positive_cosine": own.detach().mean(), "margin": effective.to(own.dtype).mean()}
        return Logits(self.scale * cosines, logits, margin.penalty(norms), logs)

    def _penalize(self, cosines: Tensor, labels: Tensor, margin: Tensor) -> Tensor:
        """The `inter_topk` closest wrong classes, brought closer."""
        count = min(self.inter_topk, cosines.shape[1] - 1)
        if count < 1:
            return cosines
        wrong = cosines.detach().scatter(1, labels[:, None], -torch.inf)
        closest = wrong.topk(count, 1).indices
        near = cosines.gather(1, closest)
        shift = (self.topk_penalty * margin / 0.2)[:, None].expand_as(near)
        return cosines.scatter(1, closest, rotated(near, -shift))
