"""What every toolkit's conversion is made of: the result, how a network is recognized, names, and folded norms."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

State = Mapping[str, Tensor]
Names = Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]


@dataclass(frozen=True)
class Conversion:
    """A network of another toolkit as ours.

    encoder: the `encoder` section of a configuration (with `name` and `feat_dim`).
    features: the `features` section, but for `num_mel_bins`, which is the encoder's feat_dim.
    state: its tensors under our names.
    """

    encoder: dict[str, Any]
    features: dict[str, Any]
    state: dict[str, Tensor]


@dataclass(frozen=True)
class Architecture:
    """A network that can be imported: the tensors that only it has, and what it becomes.

    toolkit: whose it is where nothing else says so.
    """

    name: str
    toolkit: str
    marks: tuple[str, ...]
    convert: Callable[[State], Conversion]

    def fits(self, state: State) -> bool:
        """Whether `state` holds all marks."""
        return all(mark in state for mark in self.marks)


def rename(state: State, names: Names, leave_out: Sequence[str] = ()) -> dict[str, Tensor]:
    """The tensors under our names: each pattern of `names` in its order; those that begin with `leave_out` are left."""
    found = {}
    for name, tensor in state.items():
        if name.startswith(tuple(leave_out)):
            continue
        for pattern, ours in names:
            name = re.sub(pattern, ours, name)
        found[name] = tensor
    return found


def count(state: State, pattern: str) -> int:
    """How many numbers the group of `pattern` takes among the names."""
    return len({match[1] for name in state if (match := re.match(pattern, name))})


def below(state: State, prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it; all of them where none does."""
    found = {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}
    return found or dict(state)


def take(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Removes the tensors whose names begin with `prefix` and returns them without it; maybe none."""
    return {name[len(prefix) :]: state.pop(name) for name in list(state) if name.startswith(prefix)}


def scale_and_shift(norm: State, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """What batch normalization with these tensors does in eval mode: x -> scale x + shift."""
    scale = torch.rsqrt(norm["running_var"].double() + eps)
    if "weight" in norm:
        scale = scale * norm["weight"].double()
    shift = -norm["running_mean"].double() * scale
    return scale, shift + norm["bias"].double() if "bias" in norm else shift


def fold_before(norm: State, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A linear layer [D, C] with the batch normalization before it folded in: the same function in eval mode."""
    scale, shift = scale_and_shift(norm)
    return (weight.double() * scale).float(), (bias.double() + weight.double() @ shift).float()


def fold_after(norm: State, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A linear layer [D, C] with the batch normalization after it folded in: the same function in eval mode."""
    scale, shift = scale_and_shift(norm)
    return (weight.double() * scale[:, None]).float(), (bias.double() * scale + shift).float()


def ecapa_encoder(state: State) -> dict[str, Any]:
    """The `encoder` section of an ECAPA-TDNN with speechbrain's names."""
    first = state["blocks.0.conv.conv.weight"]
    return {
        "name": "ecapa_tdnn",
        "feat_dim": first.shape[1],
        "channels": first.shape[0],
        "attention_channels": state["asp.tdnn.conv.conv.weight"].shape[0],
        "se_channels": state["blocks.1.se_block.conv1.conv.weight"].shape[0],
        "res2net_scale": 1 + count(state, r"blocks\.1\.res2net_block\.blocks\.(\d+)"),
        "embed_dim": state["fc.conv.weight"].shape[0],
    }


def leaky_xvector_encoder(ours: State, layers: int = 5) -> dict[str, Any]:
    """The `encoder` section of an x-vector with leaky ReLUs, from its tensors under our names."""
    return {
        "name": "xvector",
        "feat_dim": ours["convs.0.weight"].shape[1],
        "channels": [ours[f"convs.{i}.weight"].shape[0] for i in range(layers)],
        "kernel_sizes": [ours[f"convs.{i}.weight"].shape[2] for i in range(layers)],
        "pooling": "unbiased_statistics",
        "activation": "leaky_relu",
        "embed_dim": ours["embedding.weight"].shape[0],
    }


def block_number(counts: Sequence[int]) -> Callable[[re.Match[str]], str]:
    """`blocks.N` for a match of (stage from 1, block from 0), where our blocks are numbered through all stages."""

    def name(match: re.Match[str]) -> str:
        return f"blocks.{sum(counts[: int(match[1]) - 1]) + int(match[2])}"

    return name
