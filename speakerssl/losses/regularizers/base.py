"""The shape of a term that adds to any loss."""

from torch import Tensor, nn

from speakerssl.losses.options import check_range

BLOCK = 1024  # rows of a similarity matrix that exist at a time


class Regularizer(nn.Module):
    """A scalar from both views [N, D] (not normalized, of all processes) and their keys [N].

    Recordings with equal keys are, or may be, of one speaker. The loss adds `weight` x the scalar.
    """

    label = ""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = check_range("regularizer 'weight'", weight, 0)

    def forward(self, view1: Tensor, view2: Tensor, keys: Tensor) -> Tensor:
        """The scalar, to be minimized."""
        raise NotImplementedError
