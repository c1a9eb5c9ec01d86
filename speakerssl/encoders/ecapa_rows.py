"""ECAPA-TDNN for inference on a CPU: the same numbers from the same weights, computed on rows [B, T, C].

speechbrain's network works on [B, C, T] with one-dimensional convolutions. With channels innermost a convolution over
one frame is a product of matrices, one over k frames a product with k neighbours side by side, and what each layer
passes on stays in the cache. Attention over [x, mean, deviation] adds the products with mean and deviation once a
recording, not once a frame.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speakerssl.encoders.base import Encoder
from speakerssl.encoders.ecapa import EcapaTDNN


class RowLayer(nn.Module):
    """speechbrain's TDNNBlock on rows: convolution (reflected at the ends), ReLU, batch normalization as an affine map.

    x [B, T, C] -> [B, T, C'].
    """

    weight: Tensor
    bias: Tensor
    gain: Tensor
    shift: Tensor

    def __init__(self, block: Any) -> None:
        super().__init__()
        conv, norm = block.conv.conv, block.norm.norm
        self.kernel, self.dilation = conv.kernel_size[0], conv.dilation[0]
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        constants = {
            "weight": conv.weight.permute(0, 2, 1).reshape(conv.out_channels, -1),  # taps side by side
            "bias": conv.bias,
            "gain": gain,
            "shift": norm.bias - norm.running_mean * gain,
        }
        for name, value in constants.items():
            self.register_buffer(name, value.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.normalize(F.linear(self.neighbours(x), self.weight, self.bias))

    def neighbours(self, x: Tensor) -> Tensor:
        """The frames that each output sees, side by side: [B, T, C] -> [B, T, kernel * C]."""
        if self.kernel == 1:
            return x
        frames = torch.arange(x.shape[1], device=x.device)
        taps = (torch.arange(self.kernel, device=x.device) - self.kernel // 2) * self.dilation
        place = (frames[:, None] + taps[None, :]).abs()
        last = x.shape[1] - 1
        return x[:, last - (last - place).abs()].flatten(2)

    def normalize(self, x: Tensor) -> Tensor:
        """ReLU and batch normalization of x [..., C']."""
        return torch.addcmul(self.shift, torch.relu(x), self.gain)


class EcapaRows(Encoder):
    """An `EcapaTDNN` in eval mode, rearranged; it cannot be trained. Padded batches go through it row by row."""

    def __init__(self, encoder: EcapaTDNN) -> None:
        super().__init__(encoder.feat_dim, encoder.embed_dim)
        self.min_frames = encoder.min_frames
        network: Any = encoder.network
        self.first = RowLayer(network.blocks[0])
        self.blocks = nn.ModuleList(RowBlock(block) for block in network.blocks[1:])
        self.mfa = RowLayer(network.mfa)
        self.attention = RowLayer(network.asp.tdnn)
        self.expand, self.eps = _linear(network.asp.conv), float(network.asp.eps)
        norm, last = network.asp_bn.norm, _linear(network.fc)
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        with torch.no_grad():  # the last normalization goes into the linear layer after it
            last.bias.add_(last.weight @ (norm.bias - norm.running_mean * gain))
            last.weight.mul_(gain)
        self.last = last.requires_grad_(False)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is not None:
            return torch.cat([self.embed(row[None, :n], None) for row, n in zip(feats, lengths.tolist())])
        x = self.first(feats)
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return self.last(self.pool(self.mfa(torch.cat(outputs, dim=2))))

    def pool(self, x: Tensor) -> Tensor:
        """Attentive mean and deviation [B, 2C] of x [B, T, C]."""
        mean = x.mean(dim=1)
        centred = x - mean[:, None]
        deviation = (centred * centred).mean(dim=1).clamp(min=self.eps).sqrt()  # a power is slow in ONNX runtimes
        own, of_mean, of_deviation = self.attention.weight.split(x.shape[2], dim=1)
        context = F.linear(mean, of_mean, self.attention.bias) + F.linear(deviation, of_deviation)
        hidden = torch.tanh(self.attention.normalize(F.linear(x, own) + context[:, None]))
        weights = torch.softmax(self.expand(hidden), dim=1)
        mean = (weights * x).sum(dim=1)
        centred = x - mean[:, None]
        variance = (weights * centred * centred).sum(dim=1)
        return torch.cat([mean, variance.clamp(min=self.eps).sqrt()], dim=1)


class RowBlock(nn.Module):
    """speechbrain's SERes2NetBlock on rows: x [B, T, C] -> [B, T, C]."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.reduce, self.expand = RowLayer(block.tdnn1), RowLayer(block.tdnn2)
        self.groups = nn.ModuleList(RowLayer(one) for one in block.res2net_block.blocks)
        self.squeeze, self.excite = _linear(block.se_block.conv1), _linear(block.se_block.conv2)
        self.shortcut = None if block.shortcut is None else _linear(block.shortcut)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.reduce(x).chunk(len(self.groups) + 1, dim=2)
        outputs = [parts[0]]
        for number, (part, layer) in enumerate(zip(parts[1:], self.groups)):
            outputs.append(layer(part if number == 0 else part + outputs[-1]))
        y = self.expand(torch.cat(outputs, dim=2))
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(y.mean(dim=1)))))
        return torch.addcmul(x if self.shortcut is None else self.shortcut(x), y, gate[:, None])


def _linear(conv: Any) -> nn.Linear:
    """A convolution over one frame as a linear layer."""
    inner = conv.conv
    linear = nn.Linear(inner.in_channels, inner.out_channels)
    with torch.no_grad():
        linear.weight.copy_(inner.weight[:, :, 0])
        linear.bias.copy_(inner.bias)
    return linear
