"""ONNX files of other programs as models: what they take is found or told, and written into a copy."""

import hashlib
from pathlib import Path
from typing import Any

from speakerssl.constants import SAMPLE_RATE
from speakerssl.embeddings.export import add_metadata
from speakerssl.embeddings.onnx_model import WAVE
from speakerssl.embeddings.toolkits import SHARED_FEATURES
from speakerssl.errors import InputError, JobError, unknown_name
from speakerssl.io import atomic_path


def import_onnx(source: str | Path, output: str | Path, toolkit: str | None = None) -> Path:
    """Writes a copy of an ONNX file that says how recordings become its input; `load_model` takes it. Returns it.

    The network's only input is features [B, T, F] or samples [B, S] in [-1, 1] at 16 kHz; its first output is
    embeddings [B, D]. The graph is not changed but for the name of an input of samples, which becomes `wave`.

    Args:
        toolkit: whose features it was trained on, one of `SHARED_FEATURES` (default: wespeaker).

    Raises:
        InputError: no ONNX file, another number or shape of inputs, or an embedding of no fixed size.
        JobError: the package onnx is not installed.
    """
    if toolkit is not None and toolkit not in SHARED_FEATURES:
        raise unknown_name("toolkit of features", toolkit, SHARED_FEATURES)
    if Path(output).suffix != ".onnx":
        raise InputError(f"{output}: an ONNX file stays one; give a name that ends in .onnx")
    try:
        import onnx
    except ImportError:
        raise JobError(f"{source}: reading ONNX needs the package onnx: pip install 'speakerssl[onnx]'") from None
    try:
        content = Path(source).read_bytes()
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # whatever of onnx's own kinds
        reason = (str(error).strip() or "damaged").splitlines()[0][:120]
        raise InputError(f"{source}: is no ONNX file: {reason}") from None
    constants = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in constants]
    shape = _shape(inputs[0]) if inputs else []
    size = _shape(model.graph.output[0])[-1:] if model.graph.output else []
    if len(inputs) != 1 or len(shape) not in (2, 3) or not size or not size[0]:
        raise InputError(f"{source}: is no speaker encoder: one input of features or samples, one output [B, D]")
    name = inputs[0].name
    features: dict[str, Any] = dict(SHARED_FEATURES[toolkit or "wespeaker"])
    if len(shape) == 2:
        _rename(model.graph, name, WAVE)
        name = WAVE
    else:
        features["num_mel_bins"] = shape[2] or 80
    facts = {
        "input": name,
        "lengths": False,
        "config": {"features": features, "imported_from": Path(source).name},
        "sample_rate": SAMPLE_RATE,
        "embed_dim": size[0],
        "fingerprint": hashlib.sha256(content).hexdigest()[:16],
    }
    with atomic_path(output) as temporary:
        onnx.save(model, str(temporary))
        add_metadata(temporary, facts)
    return Path(output)


def _shape(value: Any) -> list[int]:
    """The sizes of a graph's input or output; 0 where one is free."""
    return [axis.dim_value if axis.HasField("dim_value") else 0 for axis in value.type.tensor_type.shape.dim]


def _rename(graph: Any, old: str, new: str) -> None:
    for value in graph.input:
        if value.name == old:
            value.name = new
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new
