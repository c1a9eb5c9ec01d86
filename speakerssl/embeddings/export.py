"""A model folder as one file for other programs: ONNX from features or from the waveform, or torch.export.

An ONNX file carries what is needed to use it (features, crops, calibration, fingerprint) as metadata, so that
`load_model("model.onnx")` gives the embeddings of the folder without torch. docs/formats.md names inputs and outputs.
"""

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speakerssl.constants import FULL_SCALE
from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.decision import decision_content
from speakerssl.embeddings.model import SpeakerModel
from speakerssl.embeddings.model_dir import plain
from speakerssl.embeddings.onnx_model import METADATA
from speakerssl.embeddings.quantize import quantize
from speakerssl.embeddings.torch_model import TorchModel, need_torch_model
from speakerssl.embeddings.waveform_graph import WaveformEncoder
from speakerssl.encoders.export import export_onnx, write_graph
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path

INPUTS = ("feats", "wave")
CALIBRATED_ON = 32  # recordings


def export_model(model: SpeakerModel, path: str | Path, graph_input: str = "feats", lengths: bool = False) -> Path:
    """Writes `model` as an ONNX file (opset 17); returns its path.

    Args:
        graph_input: `feats` [B, T, F], normalized features as `model.features` gives them, or `wave` [B, S], samples
            in [-1, 1] at the model's rate, with FBank in the graph. Output: `embs` [B, D].
        lengths: a second input `lengths` int64 [B], the frames or samples of each recording of a padded batch.

    Raises:
        InputError: an unknown `graph_input`, features that no graph holds, or the model of an ONNX file.
        JobError: the package onnx is not installed.
    """
    model = need_torch_model(model, "export")
    if graph_input not in INPUTS:
        raise InputError(f"graph input '{graph_input}'; it must be one of: {', '.join(INPUTS)}")
    with atomic_path(path) as temporary:
        if graph_input == "feats":
            export_onnx(model.encoder, temporary, lengths)
        else:
            network = WaveformEncoder(model.features_module, model.encoder).to(model.device).eval()
            options = model.features_module.raw.options
            samples = options.window_size + (model.encoder.min_frames + 200) * options.window_shift
            example = torch.zeros(1, samples)
            example[0, ::40] = 0.1
            length = samples - 1600 if lengths else None
            write_graph(network, example, "wave", {0: "B", 1: "S"}, temporary, length)
        add_metadata(temporary, model_facts(model, graph_input, lengths))
    return Path(path)


def model_facts(model: TorchModel, graph_input: str, lengths: bool) -> dict[str, Any]:
    """What an ONNX file says about itself, nothing but JSON."""
    return {
        "input": graph_input,
        "lengths": lengths,
        "config": plain({name: model.config.get(name) or {} for name in ("features", "encoder", "evaluation")}),
        "sample_rate": model.sample_rate,
        "embed_dim": model.embed_dim,
        "min_frames": model.encoder.min_frames,
        "fingerprint": model.fingerprint,
        "calibration": None if model.decision is None else decision_content(model.decision),
    }


def add_metadata(path: str | Path, facts: dict[str, Any]) -> None:
    """Puts `facts` into an ONNX file, in place."""
    import onnx

    graph = onnx.load(str(path))
    onnx.helper.set_model_props(graph, {METADATA: json.dumps(facts, ensure_ascii=False)})
    onnx.save(graph, str(path))


def export_program(model: SpeakerModel, path: str | Path) -> Path:
    """Writes the encoder as `torch.export` has it (.pt2): `feats` [B, T, F] to [B, D], B and T free; returns the path.

    Raises JobError for an encoder that torch.export cannot follow.
    """
    model = need_torch_model(model, "export")
    encoder = model.encoder.eval()
    example = torch.zeros(2, max(200, encoder.min_frames) + 8, encoder.feat_dim, device=model.device)
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.export.export(encoder, (example,), dynamic_shapes={"feats": free})
    except Exception as error:  # whatever of torch's own kinds
        reason = str(error).strip().split("\n")[0]
        raise JobError(f"{path}: torch.export cannot follow {type(encoder).__name__}: {reason}") from None
    with atomic_path(path) as temporary:
        torch.export.save(program, str(temporary))
    return Path(path)


def export_file(
    model: SpeakerModel,
    path: str | Path,
    graph_input: str = "feats",
    lengths: bool = False,
    int8: str | None = None,
    data: str | Path | None = None,
) -> Path:
    """Writes what the suffix of `path` names, `.onnx` or `.pt2`; what `speakerssl export` calls. Returns the path.

    Args:
        int8: `dynamic` or `static` quantization of the ONNX file, None: float32.
        data: a data directory whose recordings (32 of them, evenly chosen) calibrate `static`.

    Raises InputError for another suffix, or options that the format does not have.
    """
    model, suffix = need_torch_model(model, "export"), Path(path).suffix
    if suffix == ".pt2":
        if graph_input != "feats" or lengths or int8:
            raise InputError(f"{path}: torch.export's format has neither --input wave, --lengths nor --int8")
        return export_program(model, path)
    if suffix != ".onnx":
        raise InputError(f"{path}: no format has this suffix; give .onnx or .pt2")
    if int8 is None:
        return export_model(model, path, graph_input, lengths)
    with tempfile.TemporaryDirectory(prefix="speakerssl-") as folder:
        source = export_model(model, Path(folder) / "float32.onnx", graph_input, lengths)
        inputs = [] if data is None or int8 == "dynamic" else calibration_inputs(model, data, graph_input, lengths)
        return quantize(source, path, int8, inputs)


def calibration_inputs(
    model: TorchModel, data: str | Path, graph_input: str, lengths: bool
) -> list[dict[str, np.ndarray]]:
    """What a graph is given by recordings of `data`, by the names of its inputs."""
    utterances = DataDir.read(data).utterances
    found = []
    for utterance in utterances[:: max(1, len(utterances) // CALIBRATED_ON)][:CALIBRATED_ON]:
        wave = utterance.read(sample_rate=model.sample_rate)
        given = wave / np.float32(FULL_SCALE) if graph_input == "wave" else model.features(wave).cpu().numpy()
        inputs: dict[str, np.ndarray] = {graph_input: given[None].astype(np.float32)}
        if lengths:
            inputs["lengths"] = np.array([len(given)], np.int64)
        found.append(inputs)
    return found
