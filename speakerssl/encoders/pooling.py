"""From frames to one vector: poolings over time of x [B, C, T] that leave out the padded frames."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from speakerssl.encoders.masking import at_least_float32, batch_norm, mask_frames, mask_of, masked_mean
from speakerssl.errors import unknown_name

MIN_VARIANCE = 1e-5  # keeps the gradient of the square root finite where a channel is constant


class Pooling(nn.Module):
    """`forward(x [B, C, T], lengths [B] or None) -> [B, out_dim]`."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs  # values a channel: each of them for all channels, one after the other
        self.out_dim = channels * outputs

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.pool(at_least_float32(x), mask_of(lengths, x))

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        raise NotImplementedError


class MeanPooling(Pooling):
    """Mean over time: C values."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return masked_mean(x, mask)


class StatisticsPooling(Pooling):
    """Mean and standard deviation over time: 2C values (Snyder et al. 2018, x-vectors)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        mean = masked_mean(x, mask)
        variance = masked_mean((x - mean[:, :, None]).square(), mask)
        return torch.cat([mean, variance.clamp(min=MIN_VARIANCE).sqrt()], dim=1)


class UnbiasedStatisticsPooling(Pooling):
    """Mean and standard deviation over time, its variance divided by one frame less, plus 1e-7: 2C values.

    wespeaker's form ("TSTP"). One frame alone has a deviation of sqrt(1e-7).
    """

    FLOOR = 1e-7

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        frames = x.new_tensor(x.shape[2]) if mask is None else mask.sum(dim=1, keepdim=True).to(x)
        mean = masked_mean(x, mask)
        variance = masked_mean((x - mean[:, :, None]).square(), mask) * (frames / (frames - 1).clamp(min=1))
        return torch.cat([mean, (variance + self.FLOOR).sqrt()], dim=1)


class SelfAttentivePooling(Pooling):
    """Mean with one learned weight a frame: C values (Cai, Chen and Li 2018).

    The weights are softmax over time of v . tanh(W x + b), with W [C, C].
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1)
        self.hidden = nn.Linear(channels, channels)
        self.context = nn.Linear(channels, 1, bias=False)
        nn.init.xavier_normal_(self.context.weight)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        rows = rows_of(x, mask)
        weights = attention_weights(self.scores(rows, mask), mask)  # [B, T, 1]
        return (weights.transpose(1, 2) @ rows).squeeze(1)

    def scores(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        """What the softmax over time is taken of: rows [B, T, C] -> [B, T, 1]."""
        return self.context(torch.tanh(self.hidden(rows)))


class ChannelAttention(nn.Module):
    """Weights over time for each channel: softmax(W2 BN(relu(W1 x + b1)) + b2), x [B, T, C] -> [B, T, C].

    On rows [B, T, C] linear layers and products run over memory in order: on CPU several times faster than
    1x1 convolutions and softmax on [B, C, T].
    """

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, bottleneck)
        self.norm = nn.BatchNorm1d(bottleneck)
        self.expand = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return attention_weights(self.scores(x, mask), mask)

    def scores(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """What the softmax over time is taken of: [B, T, C] -> [B, T, C]."""
        hidden = torch.relu(self.reduce(x))
        if mask is None:
            hidden = self.norm(hidden.flatten(0, 1)).view_as(hidden)
        else:
            hidden = batch_norm(self.norm, hidden.transpose(1, 2), mask).transpose(1, 2)
        return self.expand(hidden)


class AttentiveMeanPooling(Pooling):
    """Mean with learned weights for each channel and frame: C values."""

    def __init__(self, channels: int, bottleneck: int = 128) -> None:
        super().__init__(channels, 1)
        self.attention = ChannelAttention(channels, bottleneck)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        rows = rows_of(x, mask)
        return (rows * self.attention(rows, mask)).sum(dim=1)

    def scores(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        return self.attention.scores(rows, mask)


class AttentiveStatisticsPooling(Pooling):
    """Mean and standard deviation with learned weights for each channel and frame: 2C values.

    Okabe, Koshinaka and Shinoda 2018, with the channel-wise weights of ECAPA-TDNN (Desplanques et al. 2020).
    """

    def __init__(self, channels: int, bottleneck: int = 128) -> None:
        super().__init__(channels, 2)
        self.attention = ChannelAttention(channels, bottleneck)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        rows = rows_of(x, mask)
        weights = self.attention(rows, mask)
        mean = (rows * weights).sum(dim=1)
        variance = ((rows - mean[:, None, :]).square() * weights).sum(dim=1)
        return torch.cat([mean, variance.clamp(min=MIN_VARIANCE).sqrt()], dim=1)

    def scores(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        return self.attention.scores(rows, mask)


def rows_of(x: Tensor, mask: Tensor | None) -> Tensor:
    """x [B, C, T] as contiguous rows [B, T, C], zeros in the padding; no copy where C is innermost already."""
    return mask_frames(x, mask).transpose(1, 2).contiguous()


def attention_weights(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax over the real frames: scores [B, T, C] -> weights [B, T, C], exactly 0 in the padding."""
    scores = at_least_float32(scores)
    if mask is not None:
        scores = scores.masked_fill(~mask[:, :, None], -torch.inf)
    return torch.softmax(scores, dim=1)


POOLINGS: dict[str, Callable[..., Pooling]] = {
    "mean": MeanPooling,
    "statistics": StatisticsPooling,
    "unbiased_statistics": UnbiasedStatisticsPooling,
    "self_attentive": SelfAttentivePooling,
    "attentive_mean": AttentiveMeanPooling,
    "attentive_statistics": AttentiveStatisticsPooling,
}


def build_pooling(name: str, channels: int, bottleneck: int = 128) -> Pooling:
    """The pooling `name` over `channels`; `bottleneck` is the hidden size of the channel-wise attentions.

    Raises:
        InputError: an unknown name; it lists those that exist.
    """
    if name not in POOLINGS:
        raise unknown_name("pooling", name, POOLINGS)
    if name.startswith("attentive"):
        return POOLINGS[name](channels, bottleneck)
    return POOLINGS[name](channels)
