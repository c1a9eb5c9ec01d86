"""The shape of a term that adds to any loss."""

from torch import Tensor, nn

from speakerssl.losses.identity import Identity
from speakerssl.options import check_range

BLOCK = 1024  # rows of a similarity matrix that exist at a time


class Regularizer(nn.Module):
    """A scalar from two views [N, D] of N recordings, not normalized, of all processes; the loss adds `weight` x it.

    `who1` and `who2` say which items of the views are, or may be, of one speaker.
    """

    label = ""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = check_range("regularizer 'weight'", weight, 0)

    def forward(self, view1: Tensor, view2: Tensor, who1: Identity, who2: Identity) -> Tensor:
        """The scalar, to be minimized."""
        raise NotImplementedError
