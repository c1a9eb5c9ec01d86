"""Weights of another toolkit, made into a model folder of ours: what `speakerssl import` calls."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from speakerssl.embeddings.model_dir import build_model, first_difference, save_model
from speakerssl.embeddings.toolkit_weights import TOOLKITS, recognize, renamed
from speakerssl.errors import InputError, unknown_name

WESPEAKER_WEIGHTS = "avg_model.pt"
WRAPPERS = ("model", "state_dict", "model_state_dict")


def import_model(source: str | Path, output: str | Path, toolkit: str | None = None) -> Path:
    """Writes `output`/config.yaml and model.safetensors from the weights `source`; returns the folder.

    Args:
        source: a file of weights (.pt, .pth, .bin, .ckpt, .safetensors), or wespeaker's folder with avg_model.pt.
        toolkit: whose features the weights were trained on, one of `TOOLKITS`; by default the folder or the
            architecture tells.

    Raises:
        InputError: a file that holds anything but tensors (nothing of it is run), an unknown network or toolkit,
            tensors that are missing, too many or of another shape (the first is named).
    """
    source = Path(source)
    if toolkit is not None and toolkit not in TOOLKITS:
        raise unknown_name("toolkit", toolkit, TOOLKITS)
    if source.is_dir():
        source, toolkit = source / WESPEAKER_WEIGHTS, toolkit or "wespeaker"
    state = read_tensors(source)
    try:
        architecture = recognize(state)
        encoder_config = architecture.config(state)
    except (InputError, KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        reason = error if isinstance(error, InputError) else "tensors of a known network are missing or misshapen"
        raise InputError(f"{source}: {reason}") from None
    bins = encoder_config.pop("feat_dim")
    features = {**TOOLKITS[toolkit or architecture.toolkit].features, "num_mel_bins": bins}
    config: dict[str, Any] = {"features": features, "encoder": encoder_config, "imported_from": source.name}
    _, encoder = build_model(config, str(source))
    ours = renamed(state, architecture)
    for name, tensor in encoder.state_dict().items():
        if name.endswith("num_batches_tracked"):
            ours.setdefault(name, tensor)
    if difference := first_difference(encoder.state_dict(), ours):
        raise InputError(f"{source}: does not fit {encoder_config['name']}: {difference}")
    encoder.load_state_dict(ours)
    save_model(output, config, encoder)
    return Path(output)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name; no code of it is run.

    Raises InputError where it cannot be read, or holds objects that only running code could make.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: does not exist; name a file of weights, or wespeaker's folder with {WESPEAKER_WEIGHTS}"
        )
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError) as error:
        reason = str(error).strip().split("\n")[0][:120]
        raise InputError(f"{path}: holds more than tensors, or is damaged, and is not read: {reason}") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path}: is no file of weights: {str(error).strip().splitlines()[0][:120]}") from None
    while isinstance(content, Mapping) and (inner := next((key for key in WRAPPERS if key in content), None)):
        content = content[inner]
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: holds no table of tensors")
    tensors = {str(name).removeprefix("module."): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{path}: holds no tensors")
    return tensors
