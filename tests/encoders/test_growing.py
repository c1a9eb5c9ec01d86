"""Larger ResNets that begin as smaller ones: equal embeddings, new parts that learn, what cannot be grown."""

import pytest
import torch

from speakerssl.encoders import ResNet, build_encoder
from speakerssl.encoders.growing import grown_state, load_grown
from speakerssl.errors import InputError


def made(seed: int, name: str = "small_resnet", channels: int = 8, **options: object) -> ResNet:
    torch.manual_seed(seed)
    encoder = build_encoder(name, 20, channels=channels, embed_dim=12, **options)
    assert isinstance(encoder, ResNet)
    return with_statistics(encoder)


def with_statistics(encoder: ResNet) -> ResNet:
    """Running statistics that are not those of the start, and scales that tell blocks apart."""
    with torch.no_grad():
        for module in encoder.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.1, 0.1)
    encoder.train()
    for _ in range(3):
        encoder(torch.randn(4, 60, 20) * 3 + 1)
    return encoder.eval()


def bottlenecks(counts: tuple[int, ...]) -> ResNet:
    return with_statistics(ResNet(20, 8, 12, "statistics", counts=counts, strides=(1, 2), bottleneck=True))


def assert_grows(small: ResNet, large: ResNet) -> None:
    feats, lengths = torch.randn(3, 90, 20), torch.tensor([90, 70, 41])
    assert not torch.allclose(small(feats, lengths), large(feats, lengths), atol=1e-2)
    load_grown(large, small.state_dict())
    torch.testing.assert_close(large(feats, lengths), small(feats, lengths), atol=1e-5, rtol=1e-5)


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
    assert_grows(made(0, name, 8, **options), made(1, name, 16, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"counts": (2, 1, 3)},
        {"se_reduction": 4},
        {"counts": (2, 2, 2), "se_reduction": 4, "channels": 16},
    ],
    ids=["deeper", "gates", "deeper and wider with gates"],
)
def test_new_blocks_and_gates_leave_the_embeddings_as_they_are(options: dict[str, object]) -> None:
    assert_grows(made(0), made(1, **options))  # type: ignore[arg-type]


def test_gates_that_were_there_stay_in_a_deeper_network() -> None:
    assert_grows(made(0, se_reduction=4), made(1, se_reduction=4, counts=(1, 3, 2)))


def test_bottleneck_blocks_are_added_too() -> None:
    torch.manual_seed(0)
    assert_grows(bottlenecks((1, 2)), bottlenecks((2, 3)))


@pytest.mark.parametrize("options", [{"channels": 16}, {"counts": (2, 2, 2), "se_reduction": 1}], ids=["wide", "deep"])
def test_every_convolution_and_gate_learns_from_the_first_steps(options: dict[str, object]) -> None:
    small, large = made(0), made(1, **options)  # type: ignore[arg-type]
    load_grown(large, small.state_dict())
    before = {name: value.clone() for name, value in large.named_parameters()}
    optimizer = torch.optim.SGD(large.train().parameters(), 1e-2)
    for _ in range(2):  # what reads the new parts learns in the first step, they themselves in the second
        optimizer.zero_grad()
        large(torch.randn(4, 60, 20)).pow(2).sum().backward()
        optimizer.step()
    for name, value in large.named_parameters():
        if value.dim() == 4:  # a bottleneck of the attention may hold ReLUs that are never positive
            assert (value != before[name]).flatten(1).any(1).all(), name
        elif ".se.expand" in name:
            assert (value != before[name]).any(), name


def test_what_cannot_be_grown_is_named() -> None:
    small = made(0)
    with pytest.raises(InputError, match=r"'stem.weight' has the shape \[16, 1, 5, 5\], which \[8, 1, 5, 5\] cannot"):
        grown_state(small, made(1, channels=16).state_dict())
    with pytest.raises(InputError, match="stage 2 has 2 blocks, which 1 cannot hold"):
        grown_state(small, made(1, counts=(1, 2, 1)).state_dict())
    with pytest.raises(InputError, match=r"it has 3 stages of blocks, and 4 are asked for"):
        grown_state(made(0, "thin_resnet34"), small.state_dict())
    with pytest.raises(InputError, match=r"'blocks.\d.se.*' is in one of the two networks alone; only channels"):
        grown_state(small, made(1, se_reduction=4).state_dict())
