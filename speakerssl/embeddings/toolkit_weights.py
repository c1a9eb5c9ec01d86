"""Weights of other toolkits under our names: what a file is told apart by, and what each of its tensors becomes.

Names, shapes and parameter counts are the published ones; `tests/embeddings/test_import_model.py` holds CAM++ against
a package that carries its weights.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from speakerssl.errors import InputError

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Toolkit:
    """What one toolkit's features are (samples in the int16 range here)."""

    features: Mapping[str, Any]


FBANK = {"kind": "fbank", "num_mel_bins": 80, "cmn": "utterance", "dither": 0.0}
# 3D-Speaker takes torchaudio's default window, wespeaker a Hamming one. 3D-Speaker scales samples to [-1, 1], which
# differs by a constant that the mean normalization removes, but for digital silence.
TOOLKITS = {
    "3dspeaker": Toolkit({**FBANK, "window_type": "povey"}),
    "wespeaker": Toolkit({**FBANK, "window_type": "hamming"}),
}


def campplus_config(state: State) -> dict[str, Any]:
    """The options of `campplus` from the shapes of 3D-Speaker's (and wespeaker's) CAM++."""
    head_channels = state["head.conv1.weight"].shape[0]
    local = state["xvector.block1.tdnnd1.cam_layer.linear_local.weight"]
    blocks = (1, 2, 3)
    return {
        "name": "campplus",
        "feat_dim": 8 * (state["xvector.tdnn.linear.weight"].shape[1] // head_channels),
        "head_channels": head_channels,
        "channels": state["xvector.tdnn.linear.weight"].shape[0],
        "growth": local.shape[0],
        "bottleneck": local.shape[1] // local.shape[0],
        "layers": [len(set(re.findall(rf"xvector\.block{b}\.tdnnd(\d+)\.", " ".join(state)))) for b in blocks],
        "dilations": [1, 2, 2],
        "embed_dim": state["xvector.dense.linear.weight"].shape[0],
    }


CAMPPLUS_NAMES = [
    (r"^head\.layer(\d)\.(\d)", lambda m: f"head.blocks.{2 * int(m[1]) + int(m[2]) - 2}"),
    (r"shortcut\.0", "shortcut"),
    (r"shortcut\.1", "shortcut_norm"),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"^xvector\.tdnn\.linear", "tdnn"),
    (r"^xvector\.tdnn\.nonlinear\.batchnorm", "norm"),
    (r"^xvector\.block(\d)\.tdnnd(\d+)", lambda m: f"blocks.{int(m[1]) - 1}.{int(m[2]) - 1}"),
    (r"nonlinear(\d)\.batchnorm", r"norm\1"),
    (r"cam_layer\.linear_local", "conv.local"),
    (r"cam_layer\.linear(\d)", r"conv.context\1"),
    (r"^(blocks\.\d\.\d+)\.linear1", r"\1.reduce"),
    (r"^xvector\.transit(\d)\.nonlinear\.batchnorm", lambda m: f"transitions.{int(m[1]) - 1}.norm"),
    (r"^xvector\.transit(\d)\.linear", lambda m: f"transitions.{int(m[1]) - 1}.conv"),
    (r"^xvector\.out_nonlinear\.batchnorm", "out_norm"),
    (r"^xvector\.dense\.linear", "embedding"),
    (r"^xvector\.dense\.nonlinear\.batchnorm", "embedding_norm"),
]


def resnet_config(state: State) -> dict[str, Any]:
    """The options of `rvector_resnet34` from the shapes of wespeaker's ResNet34."""
    counts = [len(set(re.findall(rf"layer{s}\.(\d+)\.", " ".join(state)))) for s in (1, 2, 3, 4)]
    if counts != [3, 4, 6, 3] or "layer1.0.conv3.weight" in state:
        raise InputError(f"a ResNet with {counts} blocks; of wespeaker's ResNets the ResNet34 can be imported")
    if "seg_2.weight" in state:
        raise InputError("a ResNet with two embedding layers; of wespeaker's ResNets that with one can be imported")
    channels, (embed_dim, pooled) = state["conv1.weight"].shape[0], state["seg_1.weight"].shape
    return {
        "name": "rvector_resnet34",
        "feat_dim": 8 * (pooled // (2 * 8 * channels)),
        "channels": channels,
        "embed_dim": embed_dim,
        "pooling": "unbiased_statistics",
    }


def _resnet_block(match: re.Match[str]) -> str:
    first = (0, 3, 7, 13)[int(match[1]) - 1]
    return f"blocks.{first + int(match[2])}"


RESNET_NAMES = [
    (r"^conv1", "stem"),
    (r"^bn1", "stem_norm"),
    (r"^layer(\d)\.(\d+)", _resnet_block),
    (r"shortcut\.0", "shortcut"),
    (r"shortcut\.1", "shortcut_norm"),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"^seg_1", "embedding"),
]


@dataclass(frozen=True)
class Architecture:
    """A network of other toolkits: a tensor that only it has, its options by its shapes, its names under ours."""

    mark: str
    config: Callable[[State], dict[str, Any]]
    names: list[tuple[str, Any]]
    toolkit: str  # whose it is where nothing else says so


CAMPPLUS_MARK = "xvector.block1.tdnnd1.cam_layer.linear_local.weight"
ARCHITECTURES = {
    "CAM++": Architecture(CAMPPLUS_MARK, campplus_config, CAMPPLUS_NAMES, "3dspeaker"),
    "ResNet34": Architecture("seg_1.weight", resnet_config, RESNET_NAMES, "wespeaker"),
}


def recognize(state: State) -> Architecture:
    """The architecture that a state is of. Raises InputError that lists the known ones."""
    for architecture in ARCHITECTURES.values():
        if architecture.mark in state:
            return architecture
    raise InputError(
        f"weights of a network that is not known (first tensor: {next(iter(state), 'none')}); known are "
        f"{', '.join(ARCHITECTURES)} of {', '.join(TOOLKITS)}"
    )


def renamed(state: State, architecture: Architecture) -> dict[str, Tensor]:
    """The tensors under our names; heads that only training needs (`projection.`) are left out."""
    found = {}
    for name, tensor in state.items():
        if name.startswith(("projection.", "classifier.")):
            continue
        for pattern, ours in architecture.names:
            name = re.sub(pattern, ours, name)
        found[name] = tensor.squeeze(-1) if name == "embedding.weight" and tensor.dim() == 3 else tensor
    return found
