"""Engines that compute an exported ONNX graph: onnxruntime, and OpenVINO where it is installed.

Padded batches go through them row by row: there are no masks in the graph.
"""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from speakerssl.encoders import Encoder
from speakerssl.encoders.ecapa import EcapaTDNN
from speakerssl.encoders.ecapa_rows import EcapaRows

# Kernels that OpenVINO keeps ready, each of one layer and one length of recording. With its own default, 5,000, memory
# grew by 750 MB over 300 lengths (Fast ResNet-34); with 64 it stays, at the same speed.
KERNELS_KEPT = 64


class OnnxEngine:
    """onnxruntime on the exported graph."""

    name: ClassVar[str] = "onnx"
    package: ClassVar[str] = "onnxruntime"
    extra: ClassVar[str] = "train"

    def __init__(self, encoder: Encoder | None, graph: bytes | None = None) -> None:
        """Args: encoder: in eval mode, not read where its graph is at hand; graph: that of another engine."""
        self.graph = graph or export_graph(encoder)
        self._start()

    def __getstate__(self) -> dict[str, Any]:
        return {"graph": self.graph}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.graph = state["graph"]
        self._start()

    @classmethod
    def why_not(cls, device: str) -> str:
        """Why it cannot be used on `device`, '' where it can."""
        if device != "cpu":
            return "it runs on the CPU"
        try:
            import onnx  # noqa: F401

            __import__(cls.package)
        except ImportError as error:
            return f"the package {error.name} is not installed (pip install 'speakerssl[{cls.extra}]')"
        return ""

    def __call__(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        rows = [feats] if lengths is None else [row[None, :n] for row, n in zip(feats, lengths.tolist())]
        return torch.cat([self._embed(row) for row in rows])

    def _start(self) -> None:
        from speakerssl.embeddings.onnx_session import open_session

        self.session = open_session(self.graph, torch.get_num_threads())

    def _embed(self, feats: Tensor) -> Tensor:
        return torch.from_numpy(self.session.run(None, {"feats": feats.numpy()})[0])


class OpenvinoEngine(OnnxEngine):
    """OpenVINO on the same graph, in float32."""

    name: ClassVar[str] = "openvino"
    package: ClassVar[str] = "openvino"
    extra: ClassVar[str] = "openvino"
    precision: ClassVar[str] = "f32"

    def _start(self) -> None:
        core = _openvino_core(os.getpid())
        settings = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # processes of one job would share the first core
            "CPU_RUNTIME_CACHE_CAPACITY": KERNELS_KEPT,
        }
        self.compiled = core.compile_model(core.read_model(self.graph), "CPU", settings)

    def _embed(self, feats: Tensor) -> Tensor:
        request = self.compiled.create_infer_request()  # its own: threads may share the engine
        return torch.from_numpy(request.infer({0: feats.numpy()})[self.compiled.output(0)].copy())


class OpenvinoBf16Engine(OpenvinoEngine):
    """OpenVINO in bfloat16, on processors that compute in it; cosines of 0.9999 and more, not 1e-4."""

    name: ClassVar[str] = "openvino-bf16"
    precision: ClassVar[str] = "bf16"

    @classmethod
    def why_not(cls, device: str) -> str:
        """Why it cannot be used on `device`, '' where it can."""
        return super().why_not(device) or why_no_bf16()


@functools.cache
def _openvino_core(process: int) -> Any:
    """One for process number `process`, never given back. Each (OpenVINO 2026.4) gives the thread that makes it a stack
    for signals and takes that away at its end, also when another has put the older stack back meanwhile: after two of
    them the next signal, be it a child's end or Ctrl-C, would be a segmentation fault.
    """
    import openvino

    return openvino.Core()


def export_graph(encoder: Encoder | None) -> bytes:
    """The ONNX graph of an encoder in eval mode; ECAPA's is that of its rows."""
    from speakerssl.encoders.export import export_onnx

    assert encoder is not None
    with tempfile.TemporaryDirectory(prefix="speakerssl-") as folder:
        path = Path(folder) / "encoder.onnx"
        export_onnx(EcapaRows(encoder).eval() if isinstance(encoder, EcapaTDNN) else encoder, path)
        return path.read_bytes()


def why_no_bf16() -> str:
    """Why bfloat16 gains nothing on this processor, '' where it computes in it."""
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "" if has_bf16 else "this processor does not compute in bfloat16 (AVX512-BF16, AMX)"
