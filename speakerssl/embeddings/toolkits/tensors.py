"""The tensors of a file that another program wrote; no code of it is ever run."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from speakerssl.errors import InputError

WRAPPERS = ("model", "state_dict", "model_state_dict", "model_state")


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name; no code of it is run.

    Raises InputError where it cannot be read, or holds objects that only running code could make.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: does not exist; name a file of weights, or a toolkit's model folder")
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError) as error:
        reason = str(error).strip().split("\n")[0][:120]
        raise InputError(f"{path}: holds more than tensors, or is damaged, and is not read: {reason}") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = (str(error).strip() or "it ends too early").splitlines()[0][:120]
        raise InputError(f"{path}: is no file of weights: {reason}") from None
    while isinstance(content, Mapping) and (inner := next((key for key in WRAPPERS if key in content), None)):
        content = content[inner]
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: holds no table of tensors")
    tensors = {str(name).removeprefix("module."): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{path}: holds no tensors")
    return tensors
