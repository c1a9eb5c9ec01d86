"""What computes an encoder's network: torch as it is or rearranged for a CPU, onnxruntime, OpenVINO. Equal embeddings.

Every engine takes features and gives embeddings; which is fastest depends on the machine and the encoder, and is
measured by `engine_choice`. A new engine is a class with `name` and `why_not`, and a line in `ENGINES`.
"""

import copy
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from speakerssl.embeddings.graph_engines import OnnxEngine, OpenvinoBf16Engine, OpenvinoEngine, why_no_bf16
from speakerssl.encoders import Encoder
from speakerssl.encoders.blocks import BasicBlock
from speakerssl.encoders.ecapa import EcapaTDNN
from speakerssl.encoders.ecapa_rows import EcapaRows
from speakerssl.errors import InputError, unknown_name

AUTO = "auto"


class Engine(Protocol):
    """Features [B, T, F] to embeddings float32 [B, D]; with `lengths` [B], rows are padded beyond them."""

    name: ClassVar[str]

    def __call__(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor: ...


class TorchEngine:
    """The encoder as it is: what every other engine is held against."""

    name: ClassVar[str] = "torch"

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @staticmethod
    def why_not(device: str) -> str:
        """Why it cannot be used on `device`, '' where it can."""
        return ""

    @torch.no_grad()
    def __call__(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.encoder(feats, lengths).float()


class FoldedEngine(TorchEngine):
    """The same network arranged for a CPU: ResNets folded and channels last, ECAPA on rows."""

    name: ClassVar[str] = "folded"

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(arranged(encoder))

    @staticmethod
    def why_not(device: str) -> str:
        return ""


class Bf16Engine(FoldedEngine):
    """The folded network in bfloat16, on processors that compute in it; cosines of 0.9999 and more, not 1e-4."""

    name: ClassVar[str] = "bf16"

    @staticmethod
    def why_not(device: str) -> str:
        if device != "cpu":
            return "it is made for CPUs"
        return why_no_bf16()

    @torch.no_grad()
    def __call__(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.encoder(feats, lengths).float()


KINDS = (TorchEngine, FoldedEngine, Bf16Engine, OnnxEngine, OpenvinoEngine, OpenvinoBf16Engine)
ENGINES: dict[str, Any] = {kind.name: kind for kind in KINDS}
EXACT = ("torch", "folded", "onnx", "openvino")  # 1e-4 of torch's embedding; the others a cosine of 0.9999


def build_engine(name: str, encoder: Encoder) -> Engine:
    """The engine `name` of an encoder in eval mode. Raises InputError: an unknown name, or why it cannot be used."""
    if name not in ENGINES:
        raise unknown_name("engine", name, [*ENGINES, AUTO])
    if reason := ENGINES[name].why_not(next(encoder.parameters()).device.type):
        raise InputError(f"engine '{name}' cannot be used: {reason}")
    engine: Engine = ENGINES[name](encoder)
    return engine


def can_be_arranged(encoder: Encoder) -> bool:
    """Whether `arranged` changes anything."""
    return isinstance(encoder, EcapaTDNN) or any(isinstance(module, nn.Conv2d) for module in encoder.modules())


def arranged(encoder: Encoder) -> Encoder:
    """A copy of an encoder in eval mode that gives the same embeddings with fewer passes over memory."""
    if isinstance(encoder, EcapaTDNN):
        return EcapaRows(encoder).eval()
    folded = fold_batch_norm(copy.deepcopy(encoder).eval())
    folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # known to torch, not to its types
    return folded


def fold_batch_norm(encoder: Encoder) -> Encoder:
    """Folds batch normalization into the convolution before it, in place, where the one follows the other.

    Only blocks whose order is known are changed: ResNets, but for those that have ReLU in between.
    """
    for module in [*encoder.modules()]:
        if isinstance(module, BasicBlock):
            pairs = [("conv2", "norm2")] if module.relu_first else [("conv1", "norm1"), ("conv2", "norm2")]
            if module.shortcut is not None:
                pairs.append(("shortcut", "shortcut_norm"))
            _fold(module, pairs)
        elif isinstance(getattr(module, "stem", None), nn.Conv2d) and not getattr(module, "stem_relu_first", True):
            _fold(module, [("stem", "stem_norm")])
    return encoder


def _fold(module: nn.Module, pairs: list[tuple[str, str]]) -> None:
    for conv, norm in pairs:
        setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
        setattr(module, norm, nn.Identity().eval())
