"""The frame of methods that compare the projections of two views: only the comparison is theirs."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Method
from speakerssl.methods.batch import Batch
from speakerssl.methods.heads import build_mlp
from speakerssl.methods.views import at_least

# VICReg, Barlow Twins: three layers of 2048, smaller than the papers' 8192 (a choice for corpora of speech).
EXPANDER = {"hidden_dim": 2048, "out_dim": 2048, "layers": 3}


class PairMethod(Method):
    """Subclasses define `compare` on float32 projections [N, D] of both views."""

    def __init__(self, encoder: Encoder, projector: nn.Module) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, projector

    def compare(self, first: Tensor, second: Tensor) -> LossOutput:
        raise NotImplementedError

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least(type(self).__name__, batch.views, 2, "views.num_global")
        embeddings = [self.encoder(view) for view in batch.views[:2]]
        first, second = (self.projector(embedding) for embedding in embeddings)
        (second,), batch = self.sample_from_memory([second], batch, step)
        with torch.autocast(first.device.type, enabled=False):
            output = self.compare(promote(first), promote(second))
        return self.with_diagnostics(output, embeddings[0], embeddings[1], batch, step)


def build_expander(method: str, encoder: Encoder, options: Mapping[str, Any]) -> nn.Module:
    """The projector of `options['projector']`, by default EXPANDER."""
    return build_mlp(f"{method} projector", encoder.embed_dim, options.get("projector", {}), EXPANDER)[0]
