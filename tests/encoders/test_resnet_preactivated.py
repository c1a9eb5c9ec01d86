"""The pre-activated block against its formula; the whole against speechbrain's in tests/embeddings/toolkits."""

import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.encoders.resnet_preactivated import PreactivatedBlock
from speakerssl.errors import InputError


def test_block_is_three_normalized_convolutions_and_the_input() -> None:
    torch.manual_seed(0)
    block = PreactivatedBlock(6, 6, 1, se=False).eval()
    x = torch.randn(2, 6, 5, 7)
    out = x
    for norm, conv in ((block.norm1, block.conv1), (block.norm2, block.conv2), (block.norm3, block.conv3)):
        out = conv(torch.relu(norm(out)))
    torch.testing.assert_close(block(x, None, None), x + out)  # no ReLU after the sum


@pytest.mark.parametrize("options", [{"channels": [8, 8, 8]}, {"strides": [0, 1, 1, 1]}])
def test_impossible_sizes(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="resnet_preactivated: "):
        build_encoder("resnet_preactivated", 40, **options)
