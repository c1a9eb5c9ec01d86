"""Gradient checkpointing changes what is kept, and neither gradients nor running statistics."""

import copy

import pytest
import torch
from torch import nn

from speakerssl.encoders import build_encoder
from speakerssl.training.memory_saving import checkpoint_blocks

OPTIONS = {
    "small_tdnn": {"channels": 16, "blocks": 6, "aggregate_dim": 32, "embed_dim": 8},
    "small_resnet": {"channels": 8, "embed_dim": 8},
}


def kept_values(model: nn.Module, feats: torch.Tensor) -> tuple[int, torch.Tensor]:
    """Numbers that the graph of one forward pass holds, parameters apart, and its output."""
    parameters = {parameter.data_ptr() for parameter in model.parameters()}
    sizes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in parameters:
            sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(feats)
    return sum(sizes.values()), output


@pytest.mark.parametrize("name", list(OPTIONS))
def test_gradients_and_statistics_stay_and_less_is_kept(name: str) -> None:
    torch.manual_seed(0)
    plain = build_encoder(name, feat_dim=20, **OPTIONS[name]).train()
    saving = copy.deepcopy(plain)
    assert checkpoint_blocks(saving) > 1
    assert list(saving.state_dict()) == list(plain.state_dict())
    feats = torch.randn(4, 80, 20)
    results = [kept_values(model, feats) for model in (plain, saving)]
    for _, output in results:
        output.square().sum().backward()
    assert results[1][0] < 0.8 * results[0][0]
    torch.testing.assert_close(results[1][1], results[0][1], rtol=0, atol=0)
    for (key, first), second in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(second.grad, first.grad, msg=key)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(saving.state_dict()[key], value, rtol=0, atol=0, msg=key)


def test_outside_of_training_nothing_changes() -> None:
    model = build_encoder("small_tdnn", feat_dim=20, **OPTIONS["small_tdnn"]).eval()
    feats = torch.randn(2, 50, 20)
    before = model(feats)
    checkpoint_blocks(model)
    torch.testing.assert_close(model(feats), before, rtol=0, atol=0)
