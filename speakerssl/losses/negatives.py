"""Where the negatives come from: a chain of steps, each of which adds, replaces or removes some for a block.

The chain starts with the candidates of the batch (of all processes). `queue.py` and `mixing.py` hold the steps
with a memory and those that make negatives up.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from speakerssl.losses.block import Block, Problem
from speakerssl.losses.options import check_range


class NegativeStep(nn.Module):
    """The negatives as they are: those of the batch. The base of the other steps."""

    def prepare(self, problem: Problem) -> None:
        """Called once for the whole problem before its blocks, for what must be drawn once."""

    def forward(self, block: Block) -> Block:
        """The block with its negatives (or positives) changed. Called again in backward: it must repeat itself."""
        return block

    def remember(self, candidates: Tensor, keys: Tensor) -> None:
        """Called after a training step with the candidates [C, D] of all processes (detached) and their keys [C]."""


class HardFilter(NegativeStep):
    """Drops negatives so close to the anchor that they are probably the same speaker.

    Those with a cosine above `threshold`, and the `top` share (0 to 1) of the closest ones of each anchor. What
    suits depends on the data; both are off by default.
    """

    def __init__(self, threshold: float = 1.0, top: float = 0.0) -> None:
        super().__init__()
        self.threshold = check_range("filter threshold", threshold, -1, 1)
        self.top = check_range("filter top", top, 0, 0.999)

    def forward(self, block: Block) -> Block:
        cosines = block.cosines.detach()
        invalid = block.invalid | ((cosines > self.threshold) if self.threshold < 1 else False)
        if self.top > 0:
            ranked = cosines.masked_fill(block.invalid, -torch.inf).argsort(1, descending=True).argsort(1)
            drop = ((~block.invalid).sum(1) * self.top).long()
            invalid = invalid | (ranked < drop[:, None])
        return replace(block, invalid=invalid)


NEGATIVES: dict[str, type[NegativeStep]] = {"batch": NegativeStep, "filter": HardFilter}
