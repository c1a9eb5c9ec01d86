"""Terms that add to any loss: functions of both views [N, D] of all processes, times a weight."""

from torch import Tensor, nn

from speakerssl.losses.options import check_range


class Regularizer(nn.Module):
    """`forward(view1 [N, D], view2 [N, D])`, views not normalized, gives a scalar; the loss adds weight x that."""

    label = ""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = check_range("regularizer weight", weight, 0)

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        """A scalar from the views."""
        raise NotImplementedError


REGULARIZERS: dict[str, type[Regularizer]] = {}
