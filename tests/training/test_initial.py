"""A run that begins where another ended: the encoder, and the head where the classes are the same."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from speakerssl.data.labels import Labels
from speakerssl.embeddings.model_dir import save_model
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.methods import Method, Supervised, build_method
from speakerssl.training.checkpoint import save_checkpoint
from speakerssl.training.initial import load_initial

ENCODER = {"name": "small_tdnn", "channels": 8, "blocks": 1, "aggregate_dim": 0, "embed_dim": 6}


def made(seed: int, names: str = "ab", margin: float = 0.2, **encoder: Any) -> Supervised:
    torch.manual_seed(seed)
    config = {**ENCODER, **encoder}
    method = build_method(
        build_encoder(feat_dim=8, **config),
        {"name": "supervised", "labels": "utt2spk"},
        {"name": "am", "margin": margin},
    )
    assert isinstance(method, Supervised)
    method.use_labels(Labels(list(names), np.arange(len(names))[:, None], np.ones((len(names), 1), np.float32)))
    return method


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A finished run of two classes."""
    method = made(0)
    save_model(tmp_path, {"features": {"kind": "fbank"}, "encoder": ENCODER}, method.encoder)
    save_checkpoint(tmp_path / "checkpoints", 3, method, torch.optim.SGD(method.parameters(), 0.1), "run")
    return tmp_path


def test_large_margin_fine_tuning_keeps_encoder_and_head(model: Path) -> None:
    method = made(1, margin=0.5)
    assert load_initial(method, model) == ["encoder", "head"]
    first = made(0)
    assert torch.equal(method.head.weight, first.head.weight)
    states = method.encoder.state_dict().values(), first.encoder.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(*states))
    assert cast(Any, method.head.margin).value == 0.5


def test_a_head_of_more_classes_gives_the_rows_of_those_that_are_left(tmp_path: Path) -> None:
    first = made(0, "abcd")
    save_model(tmp_path, {"features": {"kind": "fbank"}, "encoder": ENCODER}, first.encoder)
    save_checkpoint(tmp_path / "checkpoints", 3, first, torch.optim.SGD(first.parameters(), 0.1), "run")
    method = made(1, "bd")
    assert load_initial(method, tmp_path) == ["encoder", "head"]
    assert torch.equal(method.head.weight, first.head.weight[[1, 3]])


@pytest.mark.parametrize("names", ["ac", "abc"])
def test_other_classes_keep_the_encoder_alone(model: Path, names: str) -> None:
    method = made(1, names)
    before = method.head.weight.clone()
    assert load_initial(method, model) == ["encoder"]
    assert torch.equal(method.head.weight, before)


def test_what_is_no_such_model_is_an_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model.safetensors does not exist; name what `speakerssl train` wrote"):
        load_initial(made(1), tmp_path / "none")
    with pytest.raises(InputError, match=r"model.safetensors"):
        load_initial(made(1, channels=4), model)


def test_a_resnet_begins_as_one_with_fewer_channels(tmp_path: Path) -> None:
    def resnet_method(seed: int, channels: int) -> Method:
        torch.manual_seed(seed)
        encoder = build_encoder("small_resnet", 8, channels=channels, embed_dim=6)
        return build_method(encoder, {"name": "simclr"}, {"temperature": 0.1})

    options = {"name": "small_resnet", "channels": 8, "embed_dim": 6}
    narrow = resnet_method(0, 8)
    features = {"kind": "fbank", "num_mel_bins": 8}
    save_model(tmp_path, {"features": features, "encoder": options}, narrow.encoder)
    wide = resnet_method(1, 16)
    assert load_initial(wide, tmp_path) == ["encoder"]
    feats = torch.randn(2, 60, 8)
    for method in (narrow, wide):
        method.eval()
    torch.testing.assert_close(wide.encoder(feats), narrow.encoder(feats), atol=1e-5, rtol=1e-5)
    save_model(tmp_path / "wide", {"features": features, "encoder": {**options, "channels": 16}}, wide.encoder)
    with pytest.raises(InputError, match=r"wide: .*'stem.weight' has the shape \[16"):
        load_initial(narrow, tmp_path / "wide")
