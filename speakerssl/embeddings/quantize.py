"""8-bit ONNX files: a quarter to a third of the size, at some cost in accuracy.

`dynamic` measures the range of activations at each call, which makes convolutions several times slower than in float32
(measured); `static` takes it from recordings beforehand. `tools/benchmarks/quantization.py` measures both, and what the
EER loses.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path

KINDS = ("dynamic", "static")
PRODUCTS = ["Conv", "Gemm", "MatMul"]  # sums, gates and attention stay in float32, where they cost little


def quantize(source: str | Path, path: str | Path, kind: str, samples: Sequence[Mapping[str, np.ndarray]] = ()) -> Path:
    """Writes the float32 graph `source` with 8-bit weights (one scale a channel) to `path`; returns it.

    Args:
        kind: `dynamic` or `static`.
        samples: what the graph is given by recordings, by the names of its inputs, for `static`; thirty will do.

    Raises:
        InputError: another kind, or `static` without recordings.
        JobError: the packages onnx and onnxruntime are not installed.
    """
    if kind not in KINDS:
        raise InputError(f"--int8 {kind}: it must be one of: {', '.join(KINDS)}")
    if kind == "static" and not len(samples):
        raise InputError(f"{path}: static quantization needs recordings, to see how large activations become")
    try:
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError:
        raise JobError(f"{path}: quantization needs the packages onnx and onnxruntime") from None
    with atomic_path(path) as temporary, tempfile.TemporaryDirectory(prefix="speakerssl-") as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        if kind == "dynamic":
            quantize_dynamic(str(prepared), str(temporary), per_channel=True, weight_type=QuantType.QInt8)
        else:
            quantize_static(
                str(prepared), str(temporary), _Reader(samples), quant_format=QuantFormat.QDQ, per_channel=True,
                op_types_to_quantize=PRODUCTS,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            )  # fmt: skip
        copy_metadata(source, temporary)
    return Path(path)


def copy_metadata(source: str | Path, target: str | Path) -> None:
    """Puts the metadata of one ONNX file into another, in place."""
    import onnx

    facts = {entry.key: entry.value for entry in onnx.load(str(source)).metadata_props}
    graph = onnx.load(str(target))
    onnx.helper.set_model_props(graph, facts)
    onnx.save(graph, str(target))


class _Reader:
    """One recording after the other, as onnxruntime asks for them."""

    def __init__(self, samples: Sequence[Mapping[str, np.ndarray]]) -> None:
        self.left: Iterator[Mapping[str, np.ndarray]] = iter(samples)

    def get_next(self) -> Mapping[str, np.ndarray] | None:
        return next(self.left, None)
