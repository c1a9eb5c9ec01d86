"""ERes2Net's parts against their formulas; the whole against wespeaker's module in tests/embeddings/toolkits."""

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.eres2net import AttentiveFusion, GroupedBlock
from speakerssl.errors import InputError


def test_fusion_without_an_opinion_is_the_sum() -> None:
    fusion = AttentiveFusion(8).eval()
    torch.nn.init.zeros_(fusion.expand.weight)
    torch.nn.init.zeros_(fusion.expand.bias)
    x, y = torch.randn(2, 2, 8, 3, 5)
    torch.testing.assert_close(fusion(x, y, None), x + y)


def test_activations_are_cut_at_twenty() -> None:
    block = GroupedBlock(16, 8, 1, fused=False).eval()
    out = block(1000 * torch.rand(1, 16, 4, 6), None)
    assert float(out.max()) == 20.0
    assert float(out.min()) >= 0.0


@pytest.mark.parametrize("options", [{"channels": 12}, {"counts": [1, 1, 1]}, {"counts": [1, 1, 0, 1]}])
def test_impossible_sizes(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="eres2net: "):
        build_encoder("eres2net", 40, **options)
