"""Weights of another toolkit, made into a model of ours: what `speakerssl import` and `load_model` call."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from speakerssl.embeddings.card import write_card
from speakerssl.embeddings.model_dir import CONFIG, WEIGHTS, build_model, first_difference, save_model
from speakerssl.embeddings.toolkits import TOOLKITS, convert
from speakerssl.embeddings.toolkits.conversion import below
from speakerssl.embeddings.toolkits.tensors import read_tensors
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError, unknown_name
from speakerssl.features.frontend import FeatureFrontend


@dataclass(frozen=True)
class Layout:
    """A toolkit's model folder: the files that its weights may be in, and files that must lie beside them."""

    toolkit: str
    weights: tuple[str, ...]
    beside: tuple[str, ...] = ()


# The first that fits is taken; patterns are those of `Path.glob`.
LAYOUTS = (
    Layout("wespeaker", ("avg_model.pt", "models/avg_model.pt"), ("config.yaml",)),
    Layout("wespeaker", ("avg_model.pt", "models/avg_model.pt")),
    Layout("speechbrain", ("embedding_model.ckpt",)),
    Layout(
        "3dspeaker", ("campplus*.bin", "pretrained_eres2net*.ckpt", "eres2net*.ckpt", "*.ckpt"), ("configuration.json",)
    ),
    Layout("sslsv", ("checkpoints/model_best.pt", "checkpoints/model_latest.pt", "model_best.pt", "model_latest.pt")),
    Layout("resemblyzer", ("pretrained.pt",), ("voice_encoder.py",)),
    Layout("clovaai", ("*.model",)),
)
# What the tensors of an encoder are called inside a whole checkpoint: sslsv's methods, clovaai's SpeakerNet.
PREFIXES = ("encoder.", "__S__.")


def find_weights(source: Path) -> tuple[Path, str | None]:
    """The file of weights that `source` is or holds, and the toolkit whose folder it is (None: a file).

    Raises InputError for a folder of no known layout.
    """
    if not source.is_dir():
        return source, None
    for layout in LAYOUTS:
        if not all((source / name).is_file() for name in layout.beside):
            continue
        for pattern in layout.weights:
            if found := sorted(path for path in source.glob(pattern) if path.is_file()):
                return found[0], layout.toolkit
    names = ", ".join(dict.fromkeys(pattern for layout in LAYOUTS for pattern in layout.weights))
    raise InputError(f"{source}: is no model folder of a known toolkit; name its file of weights, or one with {names}")


def is_foreign(directory: Path) -> bool:
    """Whether a folder without our weights is one of another toolkit."""
    if not directory.is_dir() or (directory / WEIGHTS).is_file():
        return False
    try:
        find_weights(directory)
    except InputError:
        return False
    return True


def read_foreign(source: str | Path, toolkit: str | None = None) -> tuple[dict[str, Any], FeatureFrontend, Encoder]:
    """(configuration, features, encoder in eval mode) of another toolkit's file or folder.

    Args:
        toolkit: whose features the weights were trained on, one of `TOOLKITS`; by default the folder or the
            network tells.

    Raises:
        InputError: a file that holds anything but tensors (nothing of it is run), an unknown network or toolkit,
            tensors that are missing, too many or of another shape (the first is named).
    """
    if toolkit is not None and toolkit not in TOOLKITS:
        raise unknown_name("toolkit", toolkit, TOOLKITS)
    path, owner = find_weights(Path(source))
    state = read_tensors(path)
    for prefix in PREFIXES:
        state = below(state, prefix)
    try:
        found = convert(state, toolkit or owner)
    except (InputError, KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        reason = error if isinstance(error, InputError) else "tensors of a known network are missing or misshapen"
        raise InputError(f"{path}: {reason}") from None
    bins = found.encoder.pop("feat_dim")
    features = {**found.features, "num_mel_bins": bins}
    if Path(source).is_dir():
        _check_config(Path(source), features)
    config: dict[str, Any] = {"features": features, "encoder": found.encoder, "imported_from": path.name}
    frontend, encoder = build_model(config, str(path))
    ours = dict(found.state)
    for name, tensor in encoder.state_dict().items():
        if name.endswith("num_batches_tracked"):
            ours.setdefault(name, tensor)
    if difference := first_difference(encoder.state_dict(), ours):
        raise InputError(f"{path}: does not fit {found.encoder['name']}: {difference}")
    encoder.load_state_dict(ours)
    return config, frontend.eval(), encoder.eval()


def import_model(source: str | Path, output: str | Path, toolkit: str | None = None) -> Path:
    """Writes `output`/config.yaml, model.safetensors and a card from the weights `source`; returns the folder.

    `source` is a file of weights (.pt, .pth, .bin, .ckpt, .model, .safetensors) or a toolkit's model folder. Raises
    InputError as `read_foreign` does.
    """
    config, _, encoder = read_foreign(source, toolkit)
    save_model(output, config, encoder)
    write_card(output)
    return Path(output)


def _check_config(folder: Path, features: Mapping[str, Any]) -> None:
    """Raises InputError where wespeaker's config.yaml asks for features or a pooling that the import does not know."""
    path = folder / CONFIG
    if not path.is_file():
        return
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(config, Mapping) or "model_args" not in config:
        return
    data = config.get("dataset_args") or {}
    bank = data.get("fbank_args") or {}
    expected = {"num_mel_bins": features["num_mel_bins"], "frame_length": 25, "frame_shift": 10}
    for key, value in expected.items():
        if bank.get(key, value) != value:
            raise InputError(f"{path}: fbank_args: {key} is {bank[key]}; the network and the import take {value}")
    if data.get("frontend", "fbank") != "fbank":
        raise InputError(f"{path}: the frontend {data['frontend']} is not known; models on fbank can be imported")
    pooling = config["model_args"].get("pooling_func", "TSTP")
    if pooling not in ("TSTP", "ASTP"):
        raise InputError(f"{path}: pooling_func {pooling} is not known; models with TSTP or ASTP can be imported")
