"""ReDimNet's attention and norms against torch's own."""

import torch

from speakerssl.encoders.redimnet_layers import EPS, HEADS, AttentionLayer, ChannelNorm


def test_norm_over_channels() -> None:
    x = torch.randn(2, 6, 5, 7)
    norm = ChannelNorm(6)
    centred = x - x.mean(1, keepdim=True)
    expected = centred / (centred.square().mean(1, keepdim=True) + EPS).sqrt()
    torch.testing.assert_close(norm(x), expected)


def test_attention_is_torchs_multi_head_attention() -> None:
    torch.manual_seed(0)
    layer = AttentionLayer(16).eval()
    theirs = torch.nn.MultiheadAttention(16, HEADS, batch_first=True)
    inputs = (layer.query, layer.key, layer.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([one.weight for one in inputs]))
        theirs.in_proj_bias.copy_(torch.cat([one.bias for one in inputs]))
        theirs.out_proj.weight.copy_(layer.output.weight)
        theirs.out_proj.bias.copy_(layer.output.bias)
        x = torch.randn(2, 9, 16)
        mask = torch.arange(9)[None, :] < torch.tensor([[9], [5]])
        rows = layer.norm(x + theirs(x, x, x, key_padding_mask=~mask)[0])
        hidden = torch.nn.functional.gelu(layer.hidden(rows), approximate="tanh")
        expected = layer.last_norm(rows + layer.back(hidden)) * mask[:, :, None]
        torch.testing.assert_close(layer(x.transpose(1, 2), mask).transpose(1, 2), expected, atol=1e-5, rtol=1e-5)
