"""Masks, lengths after a stride, and batch normalization that counts real frames only."""

import pytest
import torch

from speakerssl.encoders.masking import batch_norm, length_mask, mask_frames, masked_mean, strided_lengths


def test_length_mask():
    assert length_mask(torch.tensor([1, 3]), 3).tolist() == [[True, False, False], [True, True, True]]


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
@pytest.mark.parametrize("kernel", [1, 3, 9])
def test_strided_lengths_are_those_of_a_convolution(stride, kernel):
    conv = torch.nn.Conv1d(1, 1, kernel, stride=stride, padding=kernel // 2)
    for length in range(1, 40):
        assert strided_lengths(torch.tensor([length]), stride).item() == conv(torch.zeros(1, 1, length)).shape[2]


@pytest.mark.parametrize("shape", [(3, 4, 10), (3, 4, 5, 10)])
def test_masked_mean_is_the_mean_of_each_recording(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = [10, 6, 1]
    means = masked_mean(x, length_mask(torch.tensor(lengths), 10))
    for row, length in enumerate(lengths):
        torch.testing.assert_close(means[row], x[row, ..., :length].flatten(1).mean(dim=1))
    torch.testing.assert_close(masked_mean(x, None), x.flatten(2).mean(dim=2))


@pytest.mark.parametrize("shape", [(3, 4, 10), (3, 4, 5, 10)])
def test_batch_norm_equals_that_of_the_real_frames_laid_end_to_end(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 1
    lengths = [10, 6, 1]
    layers = [(torch.nn.BatchNorm1d if len(shape) == 3 else torch.nn.BatchNorm2d)(4).double() for _ in range(2)]
    mask = length_mask(torch.tensor(lengths), 10)
    joined = torch.cat([x[row : row + 1, ..., :length] for row, length in enumerate(lengths)], dim=-1)
    for _ in range(2):
        for layer in layers:
            layer.train()
        expected = layers[0](joined)
        normed = batch_norm(layers[1], mask_frames(x, mask), mask)
        real = torch.cat([normed[row : row + 1, ..., :length] for row, length in enumerate(lengths)], dim=-1)
        torch.testing.assert_close(real, expected)
        assert normed[2, ..., 1:].abs().max() == 0
    torch.testing.assert_close(layers[1].running_var, layers[0].running_var)
    layers[1].eval()
    assert batch_norm(layers[1], x, mask)[2, ..., 1:].abs().max() == 0
