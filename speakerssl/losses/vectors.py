"""Rows of embeddings as the losses need them: checked, in single or double precision, of unit length."""

import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses.blockwise import map_blocks

ROWS = 256  # whose lengths are differentiated at a time: the formulas make several copies of their rows


def check_views(*views: Tensor) -> None:
    """Raises InputError unless the views are [N, D] of equal shape with N >= 1."""
    shapes = {tuple(view.shape) for view in views}
    if views[0].dim() != 2 or len(shapes) > 1 or not len(views[0]):
        told = " and ".join(str(list(view.shape)) for view in views)
        raise InputError(f"the loss takes views of equal shape [N, D], got {told}")


def promote(view: Tensor) -> Tensor:
    """float32, or float64 where the input is."""
    return view if view.dtype == torch.float64 else view.float()


def normalize(view: Tensor) -> Tensor:
    """Rows [N, D] to unit length; a row of zeros stays zero."""
    return map_blocks(lambda start, stop, rows, _: nn.functional.normalize(rows[0], dim=1), [view], [], ROWS)


def lengths(view: Tensor) -> Tensor:
    """The length of each row of [N, D], [N]."""
    return map_blocks(lambda start, stop, rows, _: rows[0].norm(dim=1), [view], [], ROWS)
