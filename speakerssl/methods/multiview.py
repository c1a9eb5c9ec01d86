"""Multi-view SimCLR: more crops a recording, the local ones against the global ones, in one loss.

positives
    softmax_of_both  Local views are the anchors, and all global views of a recording are positives at once: the code
                     of the seed paper's authors (github.com/theolepage/sslsv, verified). The default.
    mean_of_pairs    The mean over pairs (global, global) and (local, global) of the two-view loss, as multi-crop
                     training averages them (SwAV, arXiv 2006.09882).

Views come from `views: {num_global, num_local, local_seconds}`; two global crops and no local ones are SimCLR but for
batch statistics, which crops of one length share.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from speakerssl.encoders import Encoder
from speakerssl.errors import InputError, unknown_name
from speakerssl.losses import ContrastiveLoss, LossOutput, MultiHeadLoss, build_loss
from speakerssl.losses.symmetry import POSITIVES
from speakerssl.methods.base import Method, check_options, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.heads import PROJECTOR, build_projector
from speakerssl.methods.views import at_least, join_views
from speakerssl.options import check_range


class MultiView(Method):
    """`num_global` of the views, the first ones, are global. Two of them at least."""

    def __init__(
        self,
        encoder: Encoder,
        projector: nn.Module,
        loss: ContrastiveLoss | MultiHeadLoss,
        num_global: int = 2,
        positives: str = "softmax_of_both",
    ) -> None:
        super().__init__()
        self.encoder, self.projector, self.loss = encoder, projector, loss
        self.num_global, self.positives = num_global, positives

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("multiview", batch.views, self.num_global, "views.num_global")
        embeddings = join_views(self.encoder, batch.views)
        projected = [self.projector(embedding) for embedding in embeddings]
        output = self.loss.multi_view(
            projected,
            step,
            self.identities(batch),
            num_global=self.num_global,
            positives=self.positives,
            reference=self.reference_embeddings(batch),
        )
        return self.with_diagnostics(output, embeddings[0], embeddings[1], batch, step)


@register("multiview", masks=True)
def build_multiview(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: projector (2048-256), num_global 2 (as in the views section), positives (softmax_of_both)."""
    check_options("multiview", options, ("projector", "num_global", "positives"))
    projector, _ = build_projector(encoder.embed_dim, options.get("projector", PROJECTOR))
    count = int(check_range("multiview 'num_global'", options.get("num_global", 2), 2))
    positives = str(options.get("positives", "softmax_of_both"))
    if positives not in POSITIVES:
        raise unknown_name("multiview 'positives'", positives, POSITIVES)
    symmetry = loss.get("symmetry", "both_views")
    if positives == "softmax_of_both" and symmetry != "both_views":
        raise InputError(f"method multiview: positives: softmax_of_both takes symmetry: both_views, not {symmetry}")
    return MultiView(encoder, projector, build_loss(loss), count, positives)
