"""How far an encoder's frames look: what is needed to run it over windows of a long recording."""

from typing import NamedTuple


class Reach(NamedTuple):
    """What the layers before the pooling see, and what they cost.

    Attributes:
        context: frames on either side that change a frame's value, where the convolutions keep the length.
        lost: frames that unpadded convolutions take off the length.
        stride: input frames to one frame at the pooling.
        frame_bytes: memory that an input frame takes at the peak, roughly (float32).
    """

    context: int
    lost: int = 0
    stride: int = 1
    frame_bytes: int = 65_536
