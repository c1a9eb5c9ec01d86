"""Classification heads: embeddings against class centres, with the same margins as the contrastive loss.

AM-Softmax, AAM-Softmax, MagFace, AdaFace and so on by the margin; sub-centres (Sub-center ArcFace, ECCV 2020) and
the inter-top-k penalty (arXiv 2110.05042) by options. For supervised fine-tuning, and on pseudo-labels.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.adaptive import rotated
from speakerssl.losses.contrastive import frozen_copy
from speakerssl.losses.margins import Margin, MarginState, NoMargin
from speakerssl.losses.options import check_keys, check_range
from speakerssl.losses.output import LossOutput


class ClassificationHead(nn.Module):
    """Cross-entropy of scale x cosines between embeddings [N, D] and class centres, margin on the own class.

    scale: s = 1 / tau; 30 to 32 in speaker verification (64 in face recognition), sure.
    subcentres: K centres a class, of which the closest counts: cos = max_k cos(x, w_ck). K = 3 takes noisy labels,
        sure.
    inter_topk, topk_penalty: the inter_topk closest other classes get cos(t - penalty) in the place of cos t; the
        penalty 0.06 (for a margin of 0.2; it is scaled by margin / 0.2) and k = 5 are sure.
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
    ) -> None:
        super().__init__()
        self.num_classes = int(check_range("number of classes", num_classes, 2))
        self.margin = margin or NoMargin()
        self.scale = check_range("scale", scale, 1e-3)
        self.subcentres = int(check_range("subcentres", subcentres, 1))
        self.inter_topk = int(check_range("inter_topk", inter_topk, 0, num_classes - 1))
        self.topk_penalty = check_range("topk_penalty", topk_penalty, 0, 1)
        self.weight = nn.Parameter(torch.empty(num_classes * self.subcentres, embed_dim))
        nn.init.xavier_uniform_(self.weight)

    def cosines(self, embeddings: Tensor) -> Tensor:
        """The cosine of each embedding [N, D] with the closest centre of each class, [N, C]."""
        units = nn.functional.normalize(embeddings, dim=1)
        every = units @ nn.functional.normalize(self.weight.to(units.dtype), dim=1).T
        return every.view(len(units), self.num_classes, self.subcentres).amax(2)

    def forward(self, embeddings: Tensor, labels: Tensor, step: int = 0) -> LossOutput:
        """The mean cross-entropy for embeddings [N, D] (not normalized) and labels [N] from 0 to C - 1."""
        self._check(embeddings, labels)
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
            norms = embeddings.norm(dim=1)
            cosines = self.cosines(embeddings)
            own = cosines.gather(1, labels[:, None]).squeeze(1)
            if self.training:
                self.margin.observe(own.detach(), norms.detach())
            margin = frozen_copy(self.margin)
            others = torch.full_like(labels, self.num_classes - 1)
            state = MarginState(norms, others, torch.full_like(norms, 1 / self.scale), step)
            margined = margin(own, state)
            effective = margin.effective(state).detach().expand_as(own)
            logits = self._penalize(margin.negatives(cosines, margined), labels, effective)
            logits = logits.scatter(1, labels[:, None], margined[:, None]) * self.scale
            losses = nn.functional.cross_entropy(logits, labels, reduction="none")
            penalty = margin.penalty(norms)
            losses = losses if penalty is None else losses + penalty
            return LossOutput(losses.mean(), self._logs(cosines, own, logits, labels, effective))

    def _penalize(self, cosines: Tensor, labels: Tensor, margin: Tensor) -> Tensor:
        """The `inter_topk` closest wrong classes, brought closer."""
        if not self.inter_topk:
            return cosines
        wrong = cosines.detach().scatter(1, labels[:, None], -torch.inf)
        closest = wrong.topk(self.inter_topk, 1).indices
        chosen = cosines.gather(1, closest)
        shift = (self.topk_penalty * margin / 0.2)[:, None].expand_as(chosen)
        return cosines.scatter(1, closest, rotated(chosen, -shift))

    def _check(self, embeddings: Tensor, labels: Tensor) -> None:
        if embeddings.dim() != 2 or labels.shape != embeddings.shape[:1] or labels.is_floating_point():
            shapes = f"{list(embeddings.shape)} and {list(labels.shape)} of {labels.dtype}"
            raise InputError(f"the head takes embeddings [N, D] and integer labels [N], got {shapes}")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= self.num_classes:
            raise InputError(f"labels must be from 0 to {self.num_classes - 1}, got {low} to {high}")

    @torch.no_grad()
    def _logs(self, cosines: Tensor, own: Tensor, logits: Tensor, labels: Tensor, margin: Tensor) -> dict[str, float]:
        p_plus = torch.softmax(logits, 1).gather(1, labels[:, None])
        correct = (cosines.argmax(1) == labels).to(own.dtype)
        names = ("positive_cosine", "p_plus", "accuracy", "margin")
        columns = torch.stack([own.mean(), p_plus.mean(), correct.mean(), margin.to(own.dtype).mean()])
        return dict(zip(names, columns.tolist(), strict=True))


def build_head(config: Mapping[str, Any], embed_dim: int, num_classes: int) -> ClassificationHead:
    """A head from `{margin, scale, subcentres, inter_topk, topk_penalty}`; margin 0.2 additive angular by default.

    AM-Softmax is `{margin: {name: additive, value: 0.2}}`; sub-centre ArcFace adds `subcentres: 3`.

    Raises InputError for an unknown key, listing the valid ones.
    """
    from speakerssl.losses.build import build_margin

    options = dict(config)
    check_keys("head", options, ["margin", "scale", "subcentres", "inter_topk", "topk_penalty"])
    margin = build_margin(options.pop("margin", {"name": "additive_angular", "value": 0.2}))
    return ClassificationHead(embed_dim, num_classes, margin, **options)
