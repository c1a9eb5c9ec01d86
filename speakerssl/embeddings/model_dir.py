"""Model directories: `config.yaml` and `model.safetensors` (tensors only, so that loading never runs code)."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from speakerssl.config_file import read_yaml
from speakerssl.encoders import Encoder, build_encoder
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.io import atomic_path, write_text

CONFIG, WEIGHTS = "config.yaml", "model.safetensors"


def save_model(directory: str | Path, config: Mapping[str, Any], encoder: nn.Module) -> Path:
    """Writes `config` and the encoder's state, each whole or not at all; returns the file of weights.

    `config` needs the sections `features` and `encoder` (with its `name`); others are kept for the record.
    """
    directory = Path(directory)
    write_text(directory / CONFIG, yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True))
    # Copies: safetensors refuses tensors that share memory.
    state = {key: value.detach().cpu().contiguous().clone() for key, value in encoder.state_dict().items()}
    with atomic_path(directory / WEIGHTS) as temporary:
        save_file(state, temporary, metadata={"format": "pt"})
    return directory / WEIGHTS


def read_model_dir(directory: str | Path) -> tuple[dict[str, Any], FeatureFrontend, Encoder]:
    """(configuration, features, encoder with its weights, in eval mode on the CPU).

    A model folder of another toolkit that is recognized is read as `speakerssl import` would.

    Raises:
        InputError: a missing or damaged file, an unknown name or option in the configuration, weights of another
            model (names the first key that differs).
    """
    directory = Path(directory)
    # Imported here: the import builds on this module.
    from speakerssl.embeddings.import_model import is_foreign, read_foreign

    if is_foreign(directory):
        return read_foreign(directory)
    for name in (CONFIG, WEIGHTS):
        if not (directory / name).is_file():
            raise InputError(f"{directory / name}: does not exist; a model directory holds {CONFIG} and {WEIGHTS}")
    config = read_yaml(directory / CONFIG)
    features, encoder = build_model(config, str(directory / CONFIG))
    load_weights(encoder, directory / WEIGHTS)
    return config, features.eval(), encoder.eval()


def fingerprint_of(config: Mapping[str, Any], encoder: nn.Module) -> str:
    """16 hexadecimal digits of the weights and of the sections that decide about an embedding."""
    sections = {name: config.get(name) for name in ("features", "encoder", "evaluation")}
    digest = hashlib.sha256(json.dumps(plain(sections), sort_keys=True).encode())
    for name, tensor in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def build_model(config: Mapping[str, Any], where: str) -> tuple[FeatureFrontend, Encoder]:
    """Features and a freshly initialized encoder. Raises InputError whose message begins with `where`."""
    for section in ("features", "encoder"):
        if not isinstance(config.get(section), Mapping):
            raise InputError(f"{where}: has no section '{section}'")
    if "name" not in config["encoder"]:
        raise InputError(f"{where}: encoder: has no 'name'")
    try:
        features = FeatureFrontend(config["features"])
        return features, build_encoder(**{"feat_dim": features.feature_dim, **config["encoder"]})
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def load_weights(encoder: nn.Module, path: str | Path) -> None:
    """Loads a safetensors file into `encoder`; all keys and shapes must agree. Raises InputError naming the first."""
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: is not a whole safetensors file: {error}") from None
    if difference := first_difference(encoder.state_dict(), state):
        raise InputError(f"{path}: holds the weights of another model than its {CONFIG} describes: {difference}")
    encoder.load_state_dict(state)


def first_difference(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What first tells two states apart, '' when their keys and shapes agree."""
    for key, value in wanted.items():
        if key not in found:
            return f"'{key}' is missing"
        if value.shape != found[key].shape:
            return f"'{key}' has the shape {list(found[key].shape)}, not {list(value.shape)}"
    return next((f"'{key}' is not part of the encoder" for key in found if key not in wanted), "")


def plain(value: Any) -> Any:
    """Nothing but dicts, lists and scalars, which is all that safe YAML knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
