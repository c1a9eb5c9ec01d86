"""Poolings against loops over recordings, channels and frames."""

import math
from typing import Any

import pytest
import torch

from speakerssl.encoders import POOLINGS, build_pooling
from speakerssl.errors import InputError

CHANNELS = 6
LENGTHS = [11, 7, 1]


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.randn(len(LENGTHS), CHANNELS, max(LENGTHS), dtype=torch.float64, generator=_generator(0))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pooling(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    pooling = build_pooling(name, CHANNELS, bottleneck=4).double()
    for _ in range(3):
        pooling(torch.randn(8, CHANNELS, 20, dtype=torch.float64))  # batch-norm statistics that are not 0 and 1
    return pooling.requires_grad_(False).eval()


def _slow_weights(pooling: Any, name: str, x: torch.Tensor) -> list[list[float]]:
    """Weights [C][T] of one recording x [C, T]."""
    channels, count = x.shape
    if name in ("mean", "statistics", "unbiased_statistics"):
        return [[1 / count] * count] * channels
    scores = []
    for t in range(count):
        if name == "self_attentive":
            hidden = [
                math.tanh(float(pooling.hidden.weight[i] @ x[:, t] + pooling.hidden.bias[i])) for i in range(channels)
            ]
            score = sum(h * float(v) for h, v in zip(hidden, pooling.context.weight[0]))
            scores.append([score] * channels)
        else:
            scores.append(_slow_channel_scores(pooling.attention, x[:, t]))
    weights = []
    for c in range(channels):
        exponentials = [math.exp(scores[t][c]) for t in range(count)]
        weights.append([e / sum(exponentials) for e in exponentials])
    return weights


def _slow_channel_scores(attention: Any, frame: torch.Tensor) -> list[float]:
    norm = attention.norm
    hidden = []
    for j in range(attention.reduce.out_features):
        value = max(0.0, float(attention.reduce.weight[j] @ frame + attention.reduce.bias[j]))
        value = (value - float(norm.running_mean[j])) / math.sqrt(float(norm.running_var[j]) + norm.eps)
        hidden.append(value * float(norm.weight[j]) + float(norm.bias[j]))
    hidden_vector = torch.tensor(hidden, dtype=torch.float64)
    return [
        float(attention.expand.weight[c] @ hidden_vector + attention.expand.bias[c])
        for c in range(attention.expand.out_features)
    ]


def _slow_pool(pooling: torch.nn.Module, name: str, x: torch.Tensor) -> torch.Tensor:
    means, deviations = [], []
    for values, weights in zip(x.tolist(), _slow_weights(pooling, name, x)):
        mean = sum(w * v for w, v in zip(weights, values))
        variance = sum(w * (v - mean) ** 2 for w, v in zip(weights, values))
        means.append(mean)
        if name == "unbiased_statistics":
            deviations.append(math.sqrt(variance * len(values) / max(1, len(values) - 1) + 1e-7))
        else:
            deviations.append(math.sqrt(max(variance, 1e-5)))
    return torch.tensor(means + deviations if "statistics" in name else means, dtype=torch.float64)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_equal_to_a_loop_with_and_without_padding(name, frames):
    pooling = _pooling(name)
    frames[1, :, 7:] = float("nan")  # padding may hold anything
    frames[2, :, 1:] = 1e6
    pooled = pooling(frames, torch.tensor(LENGTHS))
    assert pooled.shape == (len(LENGTHS), pooling.out_dim)
    for row, length in enumerate(LENGTHS):
        expected = _slow_pool(pooling, name, frames[row, :, :length])
        torch.testing.assert_close(pooled[row], expected, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(pooling(frames[:1])[0], pooled[0], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_order_of_frames_does_not_matter(name, frames):
    pooling = _pooling(name)
    shuffled = frames[:, :, torch.randperm(frames.shape[2], generator=_generator(1))]
    torch.testing.assert_close(pooling(shuffled), pooling(frames), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_memory_layout_does_not_matter(name, frames):
    pooling = _pooling(name)
    channels_last = frames.transpose(1, 2).contiguous().transpose(1, 2)
    torch.testing.assert_close(pooling(channels_last), pooling(frames), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_gradients(name, frames):
    pooling = _pooling(name)
    lengths = torch.tensor(LENGTHS[:2])
    assert torch.autograd.gradcheck(lambda x: pooling(x, lengths), (frames[:2].requires_grad_(),))


@pytest.mark.parametrize("name", ["statistics", "attentive_statistics"])
def test_constant_channels_have_a_finite_gradient(name):
    x = torch.ones(2, CHANNELS, 5, dtype=torch.float64, requires_grad=True)
    _pooling(name)(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_zero_attention_is_the_mean(frames):
    pooling: Any = _pooling("attentive_mean")
    torch.nn.init.zeros_(pooling.attention.expand.weight)
    torch.testing.assert_close(pooling(frames), frames.mean(dim=2), atol=1e-12, rtol=1e-12)


def test_unknown_name_lists_the_names_that_exist():
    with pytest.raises(InputError, match=r"unknown pooling 'max'; .*attentive_mean, attentive_statistics, mean"):
        build_pooling("max", CHANNELS)
