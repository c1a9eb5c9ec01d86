"""Wider ResNets that begin as narrower ones: equal embeddings, new channels that learn, what cannot be widened."""

import pytest
import torch

from speakerssl.encoders import ResNet, build_encoder
from speakerssl.encoders.widening import load_widened, widened_state
from speakerssl.errors import InputError


def made(channels: int, seed: int, name: str = "small_resnet", **options: object) -> ResNet:
    torch.manual_seed(seed)
    encoder = build_encoder(name, 20, channels=channels, embed_dim=12, **options)
    assert isinstance(encoder, ResNet)
    encoder.train()
    for _ in range(3):  # running statistics that are not those of the start
        encoder(torch.randn(4, 60, 20) * 3 + 1)
    return encoder.eval()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("small_resnet", {}),
        ("small_resnet", {"se_reduction": 4, "counts": (1, 2, 1)}),
        ("small_resnet", {"pooling": "statistics"}),
        ("small_resnet", {"pooling": "self_attentive"}),
        ("thin_resnet34", {"pooling": "attentive_mean"}),
        ("fast_resnet34", {}),
    ],
)
def test_the_wide_network_gives_the_embeddings_of_the_narrow_one(name: str, options: dict[str, object]) -> None:
    narrow, wide = made(8, 0, name, **options), made(16, 1, name, **options)
    feats, lengths = torch.randn(3, 90, 20), torch.tensor([90, 70, 41])
    assert not torch.allclose(narrow(feats, lengths), wide(feats, lengths), atol=1e-2)
    load_widened(wide, narrow.state_dict())
    torch.testing.assert_close(wide(feats, lengths), narrow(feats, lengths), atol=1e-5, rtol=1e-5)


def test_every_channel_learns_from_the_first_steps() -> None:
    narrow, wide = made(8, 0), made(16, 1)
    load_widened(wide, narrow.state_dict())
    before = {name: value.clone() for name, value in wide.named_parameters()}
    optimizer = torch.optim.SGD(wide.train().parameters(), 1e-2)
    for _ in range(2):  # what reads the new channels learns in the first step, they themselves in the second
        optimizer.zero_grad()
        wide(torch.randn(4, 60, 20)).pow(2).sum().backward()
        optimizer.step()
    for name, value in wide.named_parameters():
        if value.dim() == 4:  # a bottleneck of the attention may hold ReLUs that are never positive
            assert (value != before[name]).flatten(1).any(1).all(), name


def test_what_cannot_be_widened_is_named() -> None:
    narrow, wide = made(8, 0), made(16, 1)
    with pytest.raises(InputError, match=r"'stem.weight' has the shape \[16, 1, 5, 5\], which \[8, 1, 5, 5\] cannot"):
        widened_state(narrow, wide.state_dict())
    with pytest.raises(InputError, match="is in one of the two networks alone"):
        widened_state(made(16, 0, counts=(1, 2, 1)), narrow.state_dict())
