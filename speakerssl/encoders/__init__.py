"""Speaker encoders: features [B, T, F] in, embeddings [B, D] out."""

from speakerssl.encoders import tdnn_small as _tdnn_small
from speakerssl.encoders.base import Encoder
from speakerssl.encoders.pooling import POOLINGS, Pooling, build_pooling
from speakerssl.encoders.projector import Projector
from speakerssl.encoders.registry import ENCODERS, build_encoder, encoder_options, register

__all__ = [
    "ENCODERS",
    "POOLINGS",
    "Encoder",
    "Pooling",
    "Projector",
    "build_encoder",
    "build_pooling",
    "encoder_options",
    "register",
]
