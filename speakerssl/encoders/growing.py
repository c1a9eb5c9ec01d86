"""A larger ResNet that begins with what a smaller one has learned (the aim of Net2Net, Chen et al. 2016,
arXiv 1511.05641). In evaluation it gives the embeddings of the smaller one at first; training finds use for the rest.

    wider    new channels begin at random, and the old ones do not read them. Net2Net copies channels instead;
             copies have equal gradients and must be driven apart by noise, random ones differ from the start.
    deeper   new blocks stand at the end of their stage and add nothing to their input: their last batch
             normalization begins with a scale of zero.
    gates    of a squeeze-and-excitation that is new begin at one half for all inputs, and what they scale is doubled.
"""

from collections.abc import Mapping
from itertools import groupby

import torch
from torch import Tensor

from speakerssl.encoders.resnet import ResNet
from speakerssl.errors import InputError


def grown_state(encoder: ResNet, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of `encoder`, as it was made, with that of a smaller network of the same kind in it.

    Args:
        encoder: the large network, with its random start.
        state: of a ResNet that has fewer channels, fewer blocks or no squeeze-and-excitation, and is equal in all else.

    Raises:
        InputError: a tensor that one of the two lacks, or that is larger in the small network.
    """
    mine = encoder.state_dict()
    old, new_blocks = _in_place(state, mine)
    grown = {}
    for name, value in mine.items():
        block = _block(name)
        if name in old:
            grown[name] = _widened(name, value, old[name], encoder.pooling.outputs)
        elif block in new_blocks:
            grown[name] = torch.zeros_like(value) if name in _last_affine(block, mine) else value
        elif ".se." in name:
            grown[name] = torch.zeros_like(value) if ".expand." in name else value
        else:
            raise _unlike(name)
    for name in old.keys() - mine.keys():
        raise _unlike(name)
    for block in {_block(name) for name in mine if ".se." in name and name not in old} - new_blocks:
        for name in ("weight", "bias"):  # the gates are one half
            grown[f"blocks.{block}.norm2.{name}"] = 2 * grown[f"blocks.{block}.norm2.{name}"]
    return grown


def _in_place(state: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], set[int]]:
    """`state` with its blocks' numbers in the large network, and the numbers there of the blocks that it lacks."""
    places: dict[int, int] = {}
    added: set[int] = set()
    theirs, ours = _stages(state), _stages(mine)
    if len(theirs) != len(ours):
        raise InputError(f"it has {len(theirs)} stages of blocks, and {len(ours)} are asked for")
    for stage, (small, large) in enumerate(zip(theirs, ours), start=1):
        if len(small) > len(large):
            raise InputError(f"stage {stage} has {len(small)} blocks, which {len(large)} cannot hold")
        places |= dict(zip(small, large))
        added |= set(large[len(small) :])
    return {_renamed(name, places): value for name, value in state.items()}, added


def _stages(state: Mapping[str, Tensor]) -> list[list[int]]:
    """Numbers of the blocks of each stage: a stage has twice the channels of the one before."""
    sizes = {_block(name): len(value) for name, value in state.items() if name.endswith(".norm1.weight")}
    return [list(stage) for _, stage in groupby(sorted(sizes), key=sizes.__getitem__)]


def _block(name: str) -> int:
    """The number in `blocks.N.conv1.weight`; -1 for a tensor of no block."""
    return int(name.split(".")[1]) if name.startswith("blocks.") else -1


def _renamed(name: str, places: Mapping[int, int]) -> str:
    if not name.startswith("blocks."):
        return name
    _, number, rest = name.split(".", 2)
    return f"blocks.{places[int(number)]}.{rest}"


def _last_affine(block: int, state: Mapping[str, Tensor]) -> tuple[str, str]:
    """Scale and offset of the normalization before a block's sum: the third in a bottleneck, the second elsewhere."""
    norm = f"blocks.{block}.norm{3 if f'blocks.{block}.norm3.weight' in state else 2}"
    return f"{norm}.weight", f"{norm}.bias"


def _unlike(name: str) -> InputError:
    return InputError(f"'{name}' is in one of the two networks alone; only channels, blocks and gates may be added")


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


def load_grown(encoder: ResNet, state: Mapping[str, Tensor]) -> None:
    """Puts `grown_state` into `encoder`."""
    with torch.no_grad():
        encoder.load_state_dict(grown_state(encoder, state))
