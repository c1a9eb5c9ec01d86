"""The networks between the embedding and an objective: perceptrons, BYOL's predictor, DINO's head, prototypes."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from speakerssl.encoders import Projector
from speakerssl.errors import InputError
from speakerssl.losses.vectors import promote
from speakerssl.options import check_keys, check_range


def mlp(in_dim: int, hidden_dim: int, out_dim: int, layers: int = 2, last_norm: bool = False) -> nn.Sequential:
    """[N, in_dim] -> [N, out_dim]: linear layers, batch normalization and ReLU between them.

    `last_norm` adds a batch normalization without weights after the last (SimSiam's projector).
    """
    sizes = [in_dim, *[hidden_dim] * (layers - 1), out_dim]
    parts: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        last = index == layers - 1
        parts.append(nn.Linear(inputs, outputs, bias=last and not last_norm))
        if not last:
            parts += [nn.BatchNorm1d(outputs), nn.ReLU()]
        elif last_norm:
            parts.append(nn.BatchNorm1d(outputs, affine=False))
    return nn.Sequential(*parts)


def build_mlp(
    what: str, in_dim: int, config: Mapping[str, Any] | None, default: Mapping[str, int], last_norm: bool = False
) -> tuple[nn.Module, int]:
    """The perceptron of `{hidden_dim, out_dim, layers}`, its missing keys from `default`, and its output size.

    None gives the identity. Raises InputError for another key or a size below 1.
    """
    if config is None:
        return nn.Identity(), in_dim
    check_keys(what, config, ["hidden_dim", "out_dim", "layers"])
    options = {**default, **config}
    sizes = {key: int(check_range(f"{what} '{key}'", value, 1)) for key, value in options.items()}
    return mlp(in_dim, last_norm=last_norm, **sizes), sizes["out_dim"]


PROJECTOR = {"hidden_dim": 2048, "out_dim": 256}  # of the contrastive methods


def build_projector(encoder_dim: int, config: Mapping[str, Any] | None) -> tuple[nn.Module, int]:
    """SimCLR's projector (no batch normalization) of `{hidden_dim, out_dim}`, and its output size; None: identity."""
    if config is None:
        return nn.Identity(), encoder_dim
    check_keys("projector", config, ["hidden_dim", "out_dim"])
    projector = Projector(encoder_dim, **config)
    return projector, projector.out_dim


class Prototypes(nn.Module):
    """Cosines of [N, D] with `count` learnt directions, [N, count], in float32 or more."""

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.functional.normalize(torch.randn(count, dim), dim=1))

    def forward(self, vectors: Tensor, frozen: bool = False) -> Tensor:
        """`frozen` gives the prototypes a gradient of 0 (not none, which data parallelism would wait for)."""
        with torch.autocast(vectors.device.type, enabled=False):
            weight = no_gradient(self.weight) if frozen else self.weight
            units = nn.functional.normalize(promote(vectors), dim=1)
            return units @ nn.functional.normalize(promote(weight), dim=1).T


class DINOHead(nn.Module):
    """DINO's head (arXiv 2104.14294): GELU perceptron to a bottleneck, L2, weight-normed layer with gains of 1.

    The last layer is then the cosine with `out_dim` prototypes. `hidden_layers` of `hidden_dim`; `batch_norm`
    normalizes each of them, as RDINO's code does. It matters where embeddings start close together: without it all
    outputs agree, centring makes the targets uniform, and nothing is learned.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        out_dim: int = 65536,
        hidden_layers: int = 2,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        sizes = {"hidden_dim": hidden_dim, "bottleneck_dim": bottleneck_dim, "out_dim": out_dim}
        for name, value in sizes.items():
            check_range(f"head '{name}'", value, 1)
        dims = [in_dim, *[hidden_dim] * hidden_layers, bottleneck_dim]
        parts: list[nn.Module] = []
        for inputs, outputs in pairwise(dims):
            layer = nn.Linear(inputs, outputs)
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
            parts += [layer, *([nn.BatchNorm1d(outputs)] if batch_norm else []), nn.GELU()]
        self.layers = nn.Sequential(*parts[: -2 if batch_norm else -1])  # the bottleneck is linear
        self.last = Prototypes(bottleneck_dim, out_dim)

    def forward(self, embeddings: Tensor, frozen_last: bool = False) -> Tensor:
        return self.last(self.layers(embeddings), frozen_last)


def build_dino_head(in_dim: int, config: Mapping[str, Any] | None) -> DINOHead:
    """From `{hidden_dim, bottleneck_dim, out_dim, hidden_layers, batch_norm}`; raises InputError for another key."""
    options = config or {}
    if not isinstance(options, Mapping):
        raise InputError(f"head: expected options, found {config!r}")
    check_keys("head", options, ["hidden_dim", "bottleneck_dim", "out_dim", "hidden_layers", "batch_norm"])
    return DINOHead(in_dim, **options)


def no_gradient(weight: Tensor) -> Tensor:
    """The same values through which a gradient of exactly 0 flows."""
    return weight.detach() + (weight - weight.detach()) * 0
