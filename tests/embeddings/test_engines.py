"""Every engine gives torch's embeddings; what it cannot do it says."""

import pickle
from typing import Any

import pytest
import torch

from speakerssl.embeddings.engines import ENGINES, EXACT, Bf16Engine, build_engine, fold_batch_norm
from speakerssl.encoders import build_encoder
from speakerssl.encoders.base import Encoder
from speakerssl.errors import InputError

SIZES: dict[str, dict[str, Any]] = {
    "rvector_resnet34": {"channels": 4, "embed_dim": 16},
    "fast_resnet34": {"channels": 4, "embed_dim": 16},
    "small_tdnn": {"channels": 16},
    "ecapa_tdnn": {"channels": 16, "attention_channels": 8, "se_channels": 8, "embed_dim": 12},
    "xvector": {"channels": [8] * 5, "embed_dim": 8},
}


def trained(name: str) -> Encoder:
    """A small encoder whose normalization has statistics, gains and offsets of its own."""
    torch.manual_seed(0)
    encoder = build_encoder(name, feat_dim=20, **SIZES[name]).eval()
    for module in encoder.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(module.weight, -1.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return encoder


@pytest.mark.parametrize("name", sorted(SIZES))
@pytest.mark.parametrize("engine", [name for name in EXACT if name != "torch"])
def test_embeddings_are_those_of_torch(name: str, engine: str) -> None:
    if reason := ENGINES[engine].why_not("cpu"):
        pytest.skip(reason)
    encoder = trained(name)
    state = {key: value.clone() for key, value in encoder.state_dict().items()}
    built = build_engine(engine, encoder)
    assert built.name == engine
    for feats, lengths in (
        (torch.randn(1, 60, 20), None),
        (torch.randn(2, 83, 20), None),
        (torch.randn(2, 90, 20), torch.tensor([90, 47])),
    ):
        with torch.no_grad():
            expected = encoder(feats, lengths)
        for one in (built, pickle.loads(pickle.dumps(built))):
            assert ((one(feats, lengths) - expected).norm(dim=1) <= 1e-4 * expected.norm(dim=1)).all()
    assert all(torch.equal(value, encoder.state_dict()[key]) for key, value in state.items())  # left as it was


def test_folding_removes_every_normalization_that_follows_a_convolution() -> None:
    folded = fold_batch_norm(trained("rvector_resnet34"))
    assert not [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    kept = fold_batch_norm(trained("fast_resnet34"))  # whose blocks have ReLU before the first one
    assert len([m for m in kept.modules() if isinstance(m, torch.nn.BatchNorm2d)]) == len(
        list(kept.get_submodule("blocks").children())
    )


def test_what_cannot_be_used_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = trained("small_tdnn")
    names = "auto, bf16, folded, onnx, openvino, openvino-bf16, torch"
    with pytest.raises(InputError, match=f"unknown engine 'fast'; the known ones are: {names}"):
        build_engine("fast", encoder)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    with pytest.raises(InputError, match="engine 'bf16' cannot be used: this processor does not compute in bfloat16"):
        build_engine("bf16", encoder)


def test_bf16_is_close_in_direction() -> None:
    encoder = trained("rvector_resnet34")
    feats = torch.randn(2, 80, 20)
    found, expected = Bf16Engine(encoder)(feats), encoder(feats).detach()
    assert found.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.995  # emulated where there are no units
