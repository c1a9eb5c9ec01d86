"""Self-supervised methods: one file each, found by name."""

from speakerssl.methods.base import METHODS, Method, build_method
from speakerssl.methods.simclr import SimCLR

__all__ = ["METHODS", "Method", "SimCLR", "build_method"]
