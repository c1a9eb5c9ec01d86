"""Which labels are likely wrong, told while a classifier learns: the area under the margin (arXiv 2001.10528).

The logit of a right label is above all others from early on; that of a wrong one is held down by the recordings that
look alike and are labelled otherwise. AUM is the mean over updates of that difference. Some recordings, the threshold
samples, are given a class that does not exist: what does not rise above nearly all of them is suspect.
"""

import numpy as np
import torch
from torch import Tensor, nn

from speakerssl.losses.gather import gather
from speakerssl.options import check_range

PERCENTILE = 99.0  # of the threshold samples' AUM (from memory of the paper: unverified)


class AreaUnderMargin(nn.Module):
    """The running AUM of N recordings; its sums are buffers, so that they go with a checkpoint."""

    def __init__(self, recordings: int) -> None:
        super().__init__()
        self.register_buffer("sums", torch.zeros(recordings, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(recordings, dtype=torch.int64))
        self.sums: Tensor
        self.counts: Tensor

    @torch.no_grad()
    def observe(self, recordings: Tensor, leads: Tensor) -> None:
        """Adds the `leads` [B] (see `lead`) of `recordings` [B], of all processes, before their update."""
        rows = gather(recordings).to(self.sums.device)
        self.sums.index_add_(0, rows, gather(leads.detach()).to(self.sums))
        self.counts.index_add_(0, rows, torch.ones_like(rows))

    def values(self) -> np.ndarray:
        """AUM float64 [N]; NaN for recordings that were never seen."""
        return (self.sums / self.counts).cpu().numpy()


class ThresholdSamples(AreaUnderMargin):
    """AUM of recordings of which a share is labelled with class C, where `classes` C are numbered from 0.

    The draw follows torch's generator. A threshold sample is not judged: it never bears its own label.

    Args:
        share: of the recordings that become threshold samples; 1 / (C + 1) by default, the average size of a class
            (verified).
        percentile: of their AUM, under which a recording is suspect.
    """

    def __init__(
        self, recordings: int, classes: int, share: float | None = None, percentile: float = PERCENTILE
    ) -> None:
        super().__init__(recordings)
        self.classes = classes
        self.percentile = check_range("aum 'percentile'", percentile, 0, 100)
        share = 1 / (classes + 1) if share is None else check_range("aum 'share'", share, 0, 0.5)
        drawn = torch.randperm(recordings)[: max(1, int(share * recordings))]
        self.register_buffer("fake", torch.zeros(recordings, dtype=torch.bool).index_fill_(0, drawn, True))
        self.fake: Tensor

    def relabelled(self, labels: np.ndarray) -> np.ndarray:
        """`labels` [N] with class C for the threshold samples."""
        return np.where(self.fake.cpu().numpy(), self.classes, labels)

    def scores(self) -> tuple[np.ndarray, float]:
        """-AUM [N], higher is more suspect, NaN where there is none, and above what a label is suspect.

        Without a threshold sample that was seen nothing is: the threshold is infinite.
        """
        values, fake = self.values(), self.fake.cpu().numpy()
        known = values[fake & ~np.isnan(values)]
        threshold = -float(np.percentile(known, self.percentile)) if len(known) else float("inf")
        return np.where(fake, np.nan, -values), threshold


def lead(logits: Tensor, labels: Tensor) -> Tensor:
    """The logit of each label [B] less the largest other one of `logits` [B, C]: above 0 where the label has won."""
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return own - logits.scatter(1, labels[:, None], -torch.inf).amax(1)
