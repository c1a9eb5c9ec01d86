"""Folded normalizations compute the same, and names are taken apart as they should be."""

import torch
from torch import nn

from speakerssl.embeddings.toolkits.conversion import below, count, fold_after, fold_before, rename, take


def test_folded_norms_compute_the_same() -> None:
    torch.manual_seed(0)
    before, linear, after = nn.BatchNorm1d(5), nn.Linear(5, 3), nn.BatchNorm1d(3, affine=False)
    nn.init.uniform_(before.weight, 0.5, 2.0)
    nn.init.uniform_(before.bias, -1.0, 1.0)
    whole = nn.Sequential(before, linear, after)
    for _ in range(20):
        whole(2 * torch.randn(8, 5) + 1)
    whole.eval()
    x = torch.randn(4, 5)
    with torch.no_grad():
        weight, bias = fold_before(before.state_dict(), linear.weight, linear.bias)
        weight, bias = fold_after(after.state_dict(), weight, bias)
        torch.testing.assert_close(x @ weight.T + bias, whole(x), atol=1e-5, rtol=1e-5)


def test_names() -> None:
    state = {f"encoder.layer{i}.0.w": torch.tensor(float(i)) for i in (1, 2, 12)} | {"loss.w": torch.zeros(1)}
    inside = below(state, "encoder.")
    assert set(inside) == {"layer1.0.w", "layer2.0.w", "layer12.0.w"}
    assert below(inside, "other.") == inside
    assert count(inside, r"layer(\d+)\.") == 3
    found = rename(inside, [(r"^layer(\d+)", lambda m: f"blocks.{int(m[1]) - 1}")], leave_out=("layer2.",))
    assert set(found) == {"blocks.0.0.w", "blocks.11.0.w"}
    assert take(found, "blocks.0.") == {"0.w": torch.tensor(1.0)}
    assert set(found) == {"blocks.11.0.w"}
