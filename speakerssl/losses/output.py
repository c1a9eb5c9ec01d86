"""What every loss returns."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class LossOutput:
    """A scalar to minimize, and numbers to log."""

    loss: Tensor
    logs: dict[str, float] = field(default_factory=dict)
