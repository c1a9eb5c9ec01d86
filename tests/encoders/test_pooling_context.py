"""wespeaker's attentive statistics against their formula, and blind to padding."""

import pytest
import torch

from speakerssl.encoders.pooling_context import FLOOR, TanhAttentiveStatistics


@pytest.mark.parametrize("context", [False, True])
def test_formula(context: bool) -> None:
    torch.manual_seed(0)
    pooling = TanhAttentiveStatistics(6, bottleneck=4, context=context)
    x = torch.randn(2, 6, 15)
    expected = []
    for row in x:
        seen = row
        if context:
            mean, deviation = row.mean(1, keepdim=True), (row.var(1, keepdim=True) + FLOOR).sqrt()
            seen = torch.cat([row, mean.expand_as(row), deviation.expand_as(row)])
        hidden = torch.tanh(pooling.reduce.weight[:, :, 0] @ seen + pooling.reduce.bias[:, None])
        scores = pooling.expand.weight[:, :, 0] @ hidden + pooling.expand.bias[:, None]
        weights = torch.softmax(scores, dim=1)
        first, second = (weights * row).sum(1), (weights * row.square()).sum(1)
        expected.append(torch.cat([first, (second - first.square()).clamp(min=FLOOR).sqrt()]))
    torch.testing.assert_close(pooling(x), torch.stack(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("context", [False, True])
def test_padding_is_not_seen(context: bool) -> None:
    torch.manual_seed(0)
    pooling = TanhAttentiveStatistics(6, bottleneck=4, context=context)
    x = torch.randn(2, 6, 15)
    alone = pooling(x[:1, :, :9])
    padded = x.clone()
    padded[0, :, 9:] = torch.nan
    torch.testing.assert_close(pooling(padded, torch.tensor([9, 15]))[:1], alone)
    assert pooling.out_dim == 12
