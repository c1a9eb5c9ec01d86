"""Buffers whose length is a part of the state."""

from collections.abc import Iterable, Mapping

from torch import Tensor, empty_like, nn


def fit_buffers(module: nn.Module, names: Iterable[str], state: Mapping[str, Tensor], prefix: str) -> None:
    """Gives the buffers `names` the shapes and types that they have in `state`, under `prefix`.

    To be called in `_load_from_state_dict`, which copies into buffers and refuses those of another length. Names that
    `state` lacks are left alone, for it to complain about.
    """
    for name in names:
        if prefix + name in state:
            setattr(module, name, empty_like(state[prefix + name], device=getattr(module, name).device))
