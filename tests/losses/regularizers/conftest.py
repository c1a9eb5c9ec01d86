"""Two views of a batch in which two items are of one recording, and the value of a regularizer on them."""

import torch
from torch import Tensor

from speakerssl.losses.build import build_regularizers
from speakerssl.losses.identity import identify

N, D = 9, 4

KEYS = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 0])


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    view1 = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return view1, view1 + 0.5 * torch.randn(N, D, generator=generator, dtype=torch.float64)


def value(config: object, view1: Tensor, view2: Tensor, keys: Tensor = KEYS) -> float:
    return build_regularizers(config)[0](view1, view2, identify(keys), identify(keys)).item()
