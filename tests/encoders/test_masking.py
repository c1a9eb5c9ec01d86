"""Batches of like length, masks, lengths after a stride, and batch normalization that counts real frames only."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speakerssl.encoders.masking import (
    batch_norm,
    length_batches,
    length_mask,
    mask_frames,
    masked_mean,
    strided_lengths,
)


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


@given(st.lists(st.floats(0.1, 100), max_size=40), st.floats(1, 200))
def test_all_once_longest_first_and_within_the_limit(seconds: list[float], limit: float) -> None:
    durations = {f"u{number}": value for number, value in enumerate(seconds)}
    batches = length_batches(durations, limit)
    order = [key for batch in batches for key in batch]
    assert sorted(order) == sorted(durations)
    assert [durations[key] for key in order] == sorted(seconds, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * durations[batch[0]] <= limit


def test_the_order_of_the_input_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    durations = {f"u{number}": float(rng.integers(1, 5)) for number in range(50)}
    shuffled = dict(sorted(durations.items(), key=lambda item: item[0][::-1]))
    assert length_batches(durations, 10) == length_batches(shuffled, 10)
