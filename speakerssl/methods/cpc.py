"""CPC: from the past of one view, predict the last frames of the other (van den Oord et al. 2018, arXiv 1807.03748).

context       c = GRU(frames of view 1 but its last K)
predictions   p_t = W_t c,  t = 1..K
loss          mean over t of -log e^{cos(f_t, p_t)} / sum_j e^{cos(f_t, p_t of recording j)},  f_t the last K of view 2

As sslsv has it: K = 4 frames of an encoder without pooling, cosines at temperature 1, the predictions of all recordings
of the batch (and of all processes) as candidates. The embedding is the GRU's last state over the whole recording.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.encoders.recurrent import RecurrentResNet
from speakerssl.errors import InputError
from speakerssl.losses import LossOutput, gather
from speakerssl.losses.gather import world
from speakerssl.losses.vectors import promote
from speakerssl.methods.base import Method, check_options, no_loss, register
from speakerssl.methods.batch import Batch
from speakerssl.methods.views import at_least
from speakerssl.options import check_range


class CPC(Method):
    """`encoder` gives frames and aggregates them (RecurrentResNet)."""

    encoder: RecurrentResNet

    def __init__(self, encoder: RecurrentResNet, steps: int = 4) -> None:
        super().__init__()
        self.encoder, self.steps = encoder, steps
        self.predictors = nn.ModuleList(nn.Linear(encoder.embed_dim, encoder.frame_dim) for _ in range(steps))

    def forward(self, batch: Batch, step: int) -> LossOutput:
        at_least("cpc", batch.views, 2, "views.num_global")
        first, second = (self.encoder.frame_embeddings(view) for view in batch.views[:2])
        if first.shape[1] <= self.steps:
            raise InputError(f"method cpc: {first.shape[1]} frames hold no past before {self.steps}: longer crops")
        context = self.encoder.aggregate(first[:, : -self.steps])
        terms = [
            frame_contrast(second[:, t - self.steps], predict(context)) for t, predict in enumerate(self.predictors)
        ]
        loss = torch.stack(terms).mean()
        with torch.no_grad():
            other = self.encoder.aggregate(second)
        return self.with_diagnostics(LossOutput(loss), context, other, batch, step)


def frame_contrast(frames: Tensor, predicted: Tensor) -> Tensor:
    """InfoNCE of frames [B, D] against the predictions [B, D] of all processes, by cosine at temperature 1."""
    with torch.autocast(frames.device.type, enabled=False):
        queries = nn.functional.normalize(promote(frames), dim=1)
        candidates = nn.functional.normalize(gather(promote(predicted)), dim=1)
        own = world()[0] * len(queries) + torch.arange(len(queries), device=queries.device)
        return nn.functional.cross_entropy(queries @ candidates.T, own)


@register("cpc")
def build_cpc(encoder: Encoder, options: Mapping[str, Any], loss: Mapping[str, Any]) -> Method:
    """Options: steps (4), how many frames are predicted."""
    check_options("cpc", options, ("steps",))
    no_loss("cpc", loss)
    if not isinstance(encoder, RecurrentResNet):
        raise InputError("method cpc: needs an encoder that aggregates frames: encoder.name: fast_resnet34_gru")
    return CPC(encoder, int(check_range("cpc 'steps'", options.get("steps", 4), 1)))
