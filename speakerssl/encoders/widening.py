"""A wider ResNet that begins with what a narrower one has learned (the aim of Net2Net, Chen et al. 2016,
arXiv 1511.05641).

The channels that are new begin at random, and the old ones do not read them at first. So in evaluation the wider
network gives the embeddings of the narrower one, and training finds use for the new channels. Net2Net copies channels
instead; copies have equal gradients and must be driven apart by noise, random ones differ from the start.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from speakerssl.encoders.resnet import ResNet
from speakerssl.errors import InputError


def widened_state(encoder: ResNet, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of `encoder`, as it was made, with that of a narrower network of the same kind in it.

    Args:
        encoder: the wide network, with its random start.
        state: of a ResNet that has fewer channels and is equal in all else.

    Raises:
        InputError: a tensor that one of the two lacks, or that is larger in the narrow network.
    """
    mine = encoder.state_dict()
    for name in mine.keys() ^ state.keys():
        raise InputError(f"'{name}' is in one of the two networks alone; only the number of channels may differ")
    return {name: _widened(name, value, state[name], encoder.pooling.outputs) for name, value in mine.items()}


def _widened(name: str, fresh: Tensor, old: Tensor, pooled: int) -> Tensor:
    """`old` within `fresh`; where it has inputs, what is new of them is zero for the old outputs."""
    pairs = list(zip(old.shape, fresh.shape))
    if old.dim() != fresh.dim() or any(a > b for a, b in pairs) or any(a != b for a, b in pairs[2:]):
        raise InputError(f"'{name}' has the shape {list(old.shape)}, which {list(fresh.shape)} cannot hold")
    widened = fresh.clone()
    if old.dim() < 2:
        widened[tuple(slice(size) for size in old.shape)] = old
        return widened
    # The embedding reads all means first, then all deviations: the old inputs begin anew in each.
    parts = pooled if name == "embedding.weight" else 1
    outputs, inputs = old.shape[:2]
    rows = widened[:outputs].unflatten(1, (parts, -1))  # a view
    rows.zero_()
    rows[:, :, : inputs // parts] = old.unflatten(1, (parts, -1))
    return widened


def load_widened(encoder: ResNet, state: Mapping[str, Tensor]) -> None:
    """Puts `widened_state` into `encoder`."""
    with torch.no_grad():
        encoder.load_state_dict(widened_state(encoder, state))
