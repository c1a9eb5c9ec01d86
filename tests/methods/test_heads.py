"""The networks between the embedding and an objective."""

import pytest
import torch
from torch import nn

from speakerssl.errors import InputError
from speakerssl.methods.heads import DINOHead, Prototypes, build_dino_head, build_mlp, build_projector, mlp, no_gradient


def test_a_perceptron_is_its_layers() -> None:
    kinds = [type(part).__name__ for part in mlp(4, 8, 3, layers=3)]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    network = mlp(4, 8, 3, layers=2, last_norm=True)
    assert [type(part).__name__ for part in network] == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d"]
    out = network(torch.randn(64, 4))
    torch.testing.assert_close(out.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    assert mlp(4, 8, 3, layers=1)(torch.randn(2, 4)).shape == (2, 3)


def test_options_fall_back_and_typos_are_named() -> None:
    default = {"hidden_dim": 8, "out_dim": 3, "layers": 2}
    network, size = build_mlp("x projector", 4, {"out_dim": 5}, default)
    assert (size, network(torch.randn(2, 4)).shape) == (5, (2, 5))
    identity, size = build_mlp("x projector", 4, None, default)
    assert isinstance(identity, nn.Identity)
    assert size == 4
    with pytest.raises(InputError, match="x projector: unknown key 'out'"):
        build_mlp("x projector", 4, {"out": 5}, default)
    with pytest.raises(InputError, match="x projector 'layers'"):
        build_mlp("x projector", 4, {"layers": 0}, default)
    assert build_projector(4, None)[1] == 4
    assert build_projector(4, {"hidden_dim": 6, "out_dim": 2})[1] == 2


def test_prototypes_are_cosines_and_may_be_frozen() -> None:
    torch.manual_seed(0)
    prototypes, x = Prototypes(4, 3), torch.randn(5, 4)
    expected = torch.cosine_similarity(x[:, None], prototypes.weight[None], dim=2)
    torch.testing.assert_close(prototypes(x), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert prototypes(x.bfloat16()).dtype == torch.float32
    prototypes(x, frozen=True).sum().backward()
    assert prototypes.weight.grad is not None
    assert not prototypes.weight.grad.any()
    weight = torch.randn(3, requires_grad=True)
    assert torch.equal(no_gradient(weight), weight)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_dinos_head_ends_in_a_linear_bottleneck_and_cosines(batch_norm: bool) -> None:
    head = DINOHead(6, 16, 8, 20, hidden_layers=1, batch_norm=batch_norm)
    assert [type(part).__name__ for part in head.layers][-1] == "Linear"
    assert sum(isinstance(part, nn.BatchNorm1d) for part in head.layers) == int(batch_norm)
    x = torch.randn(5, 6)
    torch.testing.assert_close(head(x), head.last(head.layers(x)))
    assert head(x).abs().max() <= 1 + 1e-6


def test_dinos_head_from_a_configuration() -> None:
    assert build_dino_head(6, {"hidden_dim": 4, "bottleneck_dim": 3, "out_dim": 7})(torch.randn(2, 6)).shape == (2, 7)
    with pytest.raises(InputError, match="head: unknown key 'outdim'"):
        build_dino_head(6, {"outdim": 3})
    with pytest.raises(InputError, match="head: expected options"):
        build_dino_head(6, "big")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="head 'out_dim'"):
        build_dino_head(6, {"out_dim": 0})
