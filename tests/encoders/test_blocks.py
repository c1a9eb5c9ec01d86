"""Squeeze-and-excitation and the residual block, by their formulas, with and without padding."""

import pytest
import torch
from torch.nn import functional

from speakerssl.encoders.blocks import BasicBlock, SqueezeExcitation, relu_and_norm
from speakerssl.encoders.masking import length_mask


@pytest.mark.parametrize("shape", [(2, 16, 30), (2, 16, 5, 30)])
def test_a_gate_is_the_formula_over_real_frames(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    gate, x = SqueezeExcitation(16), torch.randn(shape)
    lengths = [30, 11]
    found = gate(x, length_mask(torch.tensor(lengths), 30))
    for row, length in enumerate(lengths):
        mean = x[row, ..., :length].flatten(1).mean(dim=1)
        hidden = torch.relu(gate.reduce.weight @ mean + gate.reduce.bias)
        weight = torch.sigmoid(gate.expand.weight @ hidden + gate.expand.bias)
        expected = x[row] * weight.view(-1, *(1,) * (x.dim() - 2))
        torch.testing.assert_close(found[row], expected)


def test_few_channels_keep_a_hidden_unit() -> None:
    assert SqueezeExcitation(4, 8).reduce.out_features == 1


@pytest.mark.parametrize("relu_first", [False, True])
@pytest.mark.parametrize(("inputs", "stride"), [(8, 1), (4, 1), (4, 2)])
def test_a_block_is_the_formula(inputs: int, stride: int, relu_first: bool) -> None:
    torch.manual_seed(0)
    block = BasicBlock(inputs, 8, stride, 0, relu_first).eval()
    x = torch.randn(2, inputs, 12, 20)
    with torch.no_grad():
        for norm in (block.norm1, block.norm2):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
        out = functional.conv2d(x, block.conv1.weight, stride=stride, padding=1)
        out = block.norm1(torch.relu(out)) if relu_first else torch.relu(block.norm1(out))
        out = block.norm2(functional.conv2d(out, block.conv2.weight, padding=1))
        shortcut = x if block.shortcut is None else block.shortcut_norm(block.shortcut(x))
        torch.testing.assert_close(block(x, None), torch.relu(out + shortcut))
    assert (block.shortcut is None) == (inputs == 8 and stride == 1)


def test_padded_frames_are_zero_where_relu_comes_last() -> None:
    norm = torch.nn.BatchNorm1d(3).eval()
    torch.nn.init.constant_(norm.bias, 5.0)
    mask = length_mask(torch.tensor([4]), 6)
    assert not relu_and_norm(torch.randn(1, 3, 6), norm, mask, relu_first=False)[..., 4:].any()
