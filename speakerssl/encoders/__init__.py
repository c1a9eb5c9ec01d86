"""Speaker encoders: features [B, T, F] in, embeddings [B, D] out."""

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.campplus import CamPlusPlus
from speakerssl.encoders.ecapa import EcapaTDNN
from speakerssl.encoders.export import export_onnx
from speakerssl.encoders.pooling import POOLINGS, Pooling, build_pooling
from speakerssl.encoders.projector import Projector
from speakerssl.encoders.recurrent import RecurrentResNet
from speakerssl.encoders.registry import ENCODERS, build_encoder, encoder_options, register
from speakerssl.encoders.resnet import ResNet
from speakerssl.encoders.resnet_small import small_resnet
from speakerssl.encoders.tdnn_small import SmallTDNN
from speakerssl.encoders.xvector import XVector
from speakerssl.encoders.xvector_residual import ResidualXVector

__all__ = [
    "ENCODERS",
    "POOLINGS",
    "CamPlusPlus",
    "EcapaTDNN",
    "Encoder",
    "Pooling",
    "Projector",
    "RecurrentResNet",
    "ResNet",
    "ResidualXVector",
    "SmallTDNN",
    "XVector",
    "build_encoder",
    "build_pooling",
    "encoder_options",
    "export_onnx",
    "register",
    "small_resnet",
]
