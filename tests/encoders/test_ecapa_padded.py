"""wespeaker's ECAPA-TDNN: groups of a Res2Net block feed each other, and options that cannot be are refused."""

from typing import Any, cast

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.ecapa_padded import SeRes2Block
from speakerssl.errors import InputError


def test_a_group_sees_the_ones_before_it_and_the_last_goes_through() -> None:
    """The first group's input reaches every group's output but the last one's, the last group's only its own."""
    torch.manual_seed(0)
    block = SeRes2Block(16, 2, 4, 8).eval()
    seen: list[torch.Tensor] = []
    block.last.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    parts = torch.randn(1, 16, 9)

    class Given(torch.nn.Module):
        def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
            return parts

    block.first = cast(Any, Given())
    block(torch.zeros(1, 16, 9), None)
    before = seen.pop()
    for group, touched in ((0, [0, 1, 2]), (2, [2]), (3, [3])):
        parts[:, 4 * group : 4 * group + 4] += 1.0
        block(torch.zeros(1, 16, 9), None)
        after = seen.pop()
        moved = [i for i, (a, b) in enumerate(zip(after.chunk(4, 1), before.chunk(4, 1))) if not torch.allclose(a, b)]
        assert moved == touched
        before = after


@pytest.mark.parametrize("options", [{"channels": 30}, {"res2net_scale": 1}, {"se_channels": 0}])
def test_impossible_sizes(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="ecapa_tdnn_padded: "):
        build_encoder("ecapa_tdnn_padded", 40, **options)
