"""Held-out channels, and the trials that are made with them: cross-channel, and validation without labels."""

from typing import TYPE_CHECKING

from speakerssl.lazy import lazy_exports

if TYPE_CHECKING:
    from speakerssl.corruption.channels import ChannelSpec, RandomChannel, build_channel
    from speakerssl.corruption.cross_channel import make_cross_channel
    from speakerssl.corruption.validation import make_validation
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "channels": ("RandomChannel", "ChannelSpec", "build_channel"),
            "cross_channel": ("make_cross_channel",),
            "validation": ("make_validation",),
        },
    )

__all__ = [
    "ChannelSpec",
    "RandomChannel",
    "build_channel",
    "make_cross_channel",
    "make_validation",
]
