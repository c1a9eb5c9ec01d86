"""Encoders as ONNX files, with the names that wespeaker's runtime reads."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.errors import JobError
from speakerssl.io import atomic_path

OPSET = 17


def export_onnx(encoder: Encoder, path: str | Path, lengths: bool = False) -> None:
    """Writes `encoder` in eval mode: input `feats` [B, T, F], output `embs` [B, D], B and T free.

    Args:
        lengths: a second input `lengths`, int64 [B]: the frames of each recording, what lies past them is ignored.
            Without it all recordings of a batch must have T frames, and the graph is smaller and faster.

    Raises:
        JobError: the package onnx is not installed.
    """
    example = torch.zeros(1, max(200, encoder.min_frames) + 10, encoder.feat_dim)
    write_graph(encoder, example, "feats", {0: "B", 1: "T"}, path, example.shape[1] - 10 if lengths else None)


def write_graph(
    network: nn.Module, example: Tensor, name: str, axes: dict[int, str], path: str | Path, length: int | None
) -> None:
    """Traces `network(example, lengths)` in eval mode; the input is called `name`, its `axes` are free.

    `length`: that of the example, where the graph is to have the input `lengths`.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise JobError(f"{path}: writing ONNX needs the package onnx: pip install 'speakerssl[onnx]'") from None
    device = next(network.parameters()).device
    # One recording: speechbrain's masks then broadcast over any batch.
    inputs = (example.to(device),) if length is None else (example.to(device), torch.tensor([length], device=device))
    names = [name, "lengths"][: len(inputs)]
    was_training = network.training
    network.eval()
    try:
        with atomic_path(path) as temporary, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the shape checks are constants in the graph: wanted
            torch.onnx.export(
                network,
                inputs,
                str(temporary),
                input_names=names,
                output_names=["embs"],
                dynamic_axes={name: axes, "embs": {0: "B"}, **({"lengths": {0: "B"}} if length else {})},
                opset_version=OPSET,
                dynamo=False,
            )
    finally:
        network.train(was_training)
