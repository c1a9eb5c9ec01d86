"""Where the negatives come from: a chain of steps, each of which adds, replaces or removes some for a chunk.

The chain starts with the candidates of the batch (of all processes). `queue.py` and `mixing.py` hold the steps
with a memory and those that make negatives up.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.task import ContrastiveTask, SimilarityChunk
from speakerssl.losses.vectors import normalize
from speakerssl.losses.views import MemoryBatch
from speakerssl.options import check_range


class NegativeStep(nn.Module):
    """The negatives as they are: those of the batch. The base of the other steps."""

    def prepare(self, task: ContrastiveTask) -> Any:
        """What must be drawn or looked up once for the whole task; every chunk gets it as `drawn`."""
        return None

    def columns(self, task: ContrastiveTask) -> int:
        """About how many numbers the step adds to each anchor's row, by which blocks are made smaller."""
        return 0

    def forward(self, chunk: SimilarityChunk, drawn: Any) -> SimilarityChunk:
        """The chunk with its negatives (or positives) changed; called again in backward when there are many.

        Random numbers come from torch's own generator, which the recomputation sets back.
        """
        return chunk

    def remember(self, memory: MemoryBatch) -> None:
        """Called after the loss of a training step with the candidates of all processes."""


class HardFilter(NegativeStep):
    """Filters each anchor's negatives by their cosine with it.

    Dropped as probably the same speaker: those `above` a cosine, and the `drop` share (0 to 1) of the closest.
    Of what is left only the `keep` closest stay (0: all), the choice of the most challenging negatives of
    arXiv 2501.16360. What suits depends on the data: all three are off by default.
    """

    def __init__(self, above: float = 1.0, drop: float = 0.0, keep: int = 0) -> None:
        super().__init__()
        self.above = check_range("filter 'above'", above, -1, 1)
        self.drop = check_range("filter 'drop'", drop, 0, 0.999)
        self.keep = int(check_range("filter 'keep'", keep, 0))

    def forward(self, chunk: SimilarityChunk, drawn: Any) -> SimilarityChunk:
        cosines, invalid = chunk.cosines.detach(), chunk.invalid
        if self.above < 1:
            invalid = invalid | (cosines > self.above)
        if self.drop > 0:
            least = ((~invalid).sum(1) * self.drop).long()
            invalid = invalid | (closeness(cosines, invalid) < least[:, None])
        if self.keep > 0:
            invalid = invalid | (closeness(cosines, invalid) >= self.keep)
        return replace(chunk, invalid=invalid)


class DCLR(NegativeStep):
    """Instance weighting and noise negatives (DCLR, arXiv 2205.00656).

    A candidate of the batch whose `reference` embedding (by a frozen second model) has a cosine above `threshold`
    with the anchor's weighs 0, the others 1. To them come `noise_times` x anchors Gaussian unit vectors, moved
    `steps` times by `step_size` x normalized gradient towards a higher loss, and shared by all anchors. threshold
    0.9 (or 0.85) and step size 1e-3 (verified); the number of steps ("a few", unverified). `threshold: 1` needs no
    reference. It comes before steps that replace the batch. In a configuration `loss: {reference: MODEL_DIR}` names
    the frozen model, a directory of `speakerssl train` with the same features.
    """

    def __init__(
        self, threshold: float = 0.9, noise_times: float = 1.0, steps: int = 3, step_size: float = 1e-3
    ) -> None:
        super().__init__()
        self.threshold = check_range("dclr 'threshold'", threshold, -1, 1)
        self.noise_times = check_range("dclr 'noise_times'", noise_times, 0, 100)
        self.steps = int(check_range("dclr 'steps'", steps, 0))
        self.step_size = check_range("dclr 'step_size'", step_size, 0)

    def columns(self, task: ContrastiveTask) -> int:
        return round(self.noise_times * len(task.anchors))

    @torch.no_grad()
    def prepare(self, task: ContrastiveTask) -> Tensor:
        if self.threshold < 1 and task.reference is None:
            raise InputError("dclr needs `reference` embeddings of a frozen model; set its threshold to 1 for none")
        count = self.columns(task)
        noise = normalize(torch.randn(count, task.anchors.shape[1]).to(task.anchors))
        for _ in range(self.steps if count else 0):
            noise = normalize(noise + self.step_size * normalize(loss_gradient(task, noise)))
        return noise

    def forward(self, chunk: SimilarityChunk, drawn: Tensor) -> SimilarityChunk:
        task = chunk.task
        if self.threshold < 1 and task.reference is not None and task.candidate_reference is not None:
            if chunk.cosines.shape[1] != len(task.candidate_reference):
                raise InputError("dclr must be the first of the negatives: it weighs those of the batch")
            close = task.reference @ task.candidate_reference.T > self.threshold
            chunk = replace(chunk, invalid=chunk.invalid | close)
        cosines = task.anchors @ drawn.T
        return chunk.with_negatives(cosines, torch.zeros_like(cosines, dtype=torch.bool), drawn)


def closeness(cosines: Tensor, invalid: Tensor) -> Tensor:
    """The rank of each candidate among the valid ones of its anchor, 0 for the closest, [B, C]."""
    order = cosines.masked_fill(invalid, -torch.inf).argsort(stable=True, dim=1, descending=True)
    return order.argsort(1)


def loss_gradient(task: ContrastiveTask, noise: Tensor, rows: int = 512) -> Tensor:
    """The gradient of the summed softmax loss with respect to the noise vectors [Q, D], by chunks of anchors."""
    gradient = torch.zeros_like(noise)
    for start in range(0, len(task.anchors), rows):
        part = task.rows(start, start + rows)
        tau = part.temperature[:, None]
        batch = (part.anchors @ part.candidates.T / tau).masked_fill(part.excluded(), -torch.inf)
        positive = (part.anchors * part.positives).sum(1, keepdim=True) / tau
        every = torch.cat([part.anchors @ noise.T / tau, batch, positive], 1)
        share = torch.softmax(every, 1)[:, : len(noise)]
        gradient += share.T @ (part.anchors / tau)
    return gradient
