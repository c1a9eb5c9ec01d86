"""Multi-view SimCLR: more crops a recording, the local ones against the global ones.

The loss is the mean over pairs (global, global) and (local, global) of the two-view loss, as multi-crop does
(SwAV, arXiv 2006.09882). Views come from `views: {num_global, num_local, local_seconds}`; two global crops and no
local ones are SimCLR but for batch statistics, which crops of one length share.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from torch import nn

from speakerssl.encoders import Encoder
from speakerssl.losses import LossOutput, build_loss
from speakerssl.losses.options import check_range
from speakerssl.methods.base import Method, check_options, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.heads import PROJECTOR, build_projector
from speakerssl.methods.views import at_least, join_views


class MultiView(Method):
    """`num_global` of the views, the first ones, are global. Two of them at least."""

    def __init__(self, encoder: Encoder, projector: nn.Module, loss: nn.Module, num_global: int = 2) -> None:
        super().__init__()
        self.encoder, self.projector, self.loss, self.num_global = encoder, projector, loss, num_global

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("multiview", batch.views, self.num_global, "views.num_global")
        embeddings = join_views(self.encoder, batch.views)
        projected = [self.projector(embedding) for embedding in embeddings]
        pairs = list(combinations(range(self.num_global), 2))
        pairs += [(local, one) for local in range(self.num_global, len(batch.views)) for one in range(self.num_global)]
        outputs = [self.loss(projected[a], projected[b], step, self.keys(batch.recordings)) for a, b in pairs]
        total = outputs[0].loss
        for output in outputs[1:]:
            total = total + output.loss
        logs = {key: sum(output.logs[key] for output in outputs) / len(pairs) for key in outputs[0].logs}
        output = LossOutput(total / len(pairs), logs)
        return self.with_diagnostics(output, embeddings[0], embeddings[1], batch, step)


@register("multiview", masks=True)
def build_multiview(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector (2048-256), num_global 2 (as in the views section)."""
    check_options("multiview", options, ("projector", "num_global"))
    projector, _ = build_projector(encoder.embed_dim, options.get("projector", PROJECTOR))
    count = int(check_range("multiview 'num_global'", options.get("num_global", 2), 2))
    return MultiView(encoder, projector, build_loss(loss), count)
