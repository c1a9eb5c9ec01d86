"""`reach` is what a frame really depends on, by gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from speakerssl.encoders import Encoder
from speakerssl.encoders.pooling import Pooling


# Without squeeze-and-excitation, through which every frame sees all others.
@pytest.mark.parametrize("name", ["xvector", "rvector_resnet34"])
def test_frames_outside_the_context_change_nothing(name: str, small_encoder: Callable[..., Encoder]) -> None:
    encoder = small_encoder(name)
    assert encoder.reach is not None
    pooled: list[Tensor] = []

    def keep(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        pooled.append(args[0])

    for module in encoder.modules():
        if isinstance(module, Pooling):
            module.register_forward_pre_hook(keep)
    frames, reach = 600, encoder.reach
    feats = torch.randn(1, frames, 20, requires_grad=True)
    encoder(feats)
    (seen,) = pooled
    assert seen.shape[-1] == -(-(frames - reach.lost) // reach.stride)
    middle = seen.shape[-1] // 2
    (gradient,) = torch.autograd.grad(seen[..., middle].sum(), feats)
    (touched,) = gradient[0].abs().sum(dim=1).nonzero(as_tuple=True)
    centre = reach.stride * middle + reach.lost // 2
    assert int(touched.min()) >= centre - reach.context - reach.lost
    assert int(touched.max()) <= centre + reach.context + reach.lost + reach.stride
    assert len(touched) > reach.lost  # and it is not said to be smaller than a convolution
