"""Encoders as ONNX files, with the names that wespeaker's runtime reads."""

import warnings
from pathlib import Path

import torch

from speakerssl.encoders.base import Encoder
from speakerssl.errors import JobError
from speakerssl.io import atomic_path

OPSET = 17


def export_onnx(encoder: Encoder, path: str | Path) -> None:
    """Writes `encoder` in eval mode: input `feats` [B, T, F], output `embs` [B, D], B and T free.

    All recordings of a batch must have T frames: the graph has no lengths.

    Raises:
        JobError: the package onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise JobError(f"{path}: writing ONNX needs the package onnx: pip install 'speakerssl[onnx]'") from None
    device = next(encoder.parameters()).device
    # One recording: speechbrain's masks then broadcast over any batch.
    example = torch.zeros(1, max(200, encoder.min_frames), encoder.feat_dim, device=device)
    was_training = encoder.training
    encoder.eval()
    try:
        with atomic_path(path) as temporary, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the shape checks are constants in the graph: wanted
            torch.onnx.export(
                encoder,
                (example,),
                str(temporary),
                input_names=["feats"],
                output_names=["embs"],
                dynamic_axes={"feats": {0: "B", 1: "T"}, "embs": {0: "B"}},
                opset_version=OPSET,
                dynamo=False,
            )
    finally:
        encoder.train(was_training)
