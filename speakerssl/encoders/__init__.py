"""Speaker encoders: features [B, T, F] in, embeddings [B, D] out."""

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.campplus import CamPlusPlus
from speakerssl.encoders.ecapa import EcapaTDNN
from speakerssl.encoders.ecapa_padded import PaddedEcapaTDNN
from speakerssl.encoders.eres2net import ERes2Net
from speakerssl.encoders.export import export_onnx
from speakerssl.encoders.ge2e_lstm import Ge2eLSTM
from speakerssl.encoders.pooling import POOLINGS, Pooling, build_pooling
from speakerssl.encoders.projector import Projector
from speakerssl.encoders.recurrent import RecurrentResNet
from speakerssl.encoders.redimnet import ReDimNet
from speakerssl.encoders.registry import ENCODERS, build_encoder, encoder_options, register
from speakerssl.encoders.resnet import ResNet
from speakerssl.encoders.resnet_preactivated import PreactivatedResNet
from speakerssl.encoders.resnet_small import small_resnet
from speakerssl.encoders.tdnn_small import SmallTDNN
from speakerssl.encoders.xvector import XVector
from speakerssl.encoders.xvector_residual import ResidualXVector

__all__ = [
    "ENCODERS",
    "POOLINGS",
    "CamPlusPlus",
    "ERes2Net",
    "EcapaTDNN",
    "Encoder",
    "Ge2eLSTM",
    "PaddedEcapaTDNN",
    "Pooling",
    "PreactivatedResNet",
    "Projector",
    "ReDimNet",
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
