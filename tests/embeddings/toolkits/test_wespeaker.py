"""wespeaker's networks, held against its own modules with random weights, and against its published sizes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.encoders.resnet import DEPTHS
from speakerssl.errors import InputError

Check = Callable[..., TorchModel]
Load = Callable[[str], Any]


@pytest.mark.parametrize(("depth", "two"), [(18, False), (34, True), (50, False), (101, True), (293, False)])
def test_resnets(depth: int, two: bool, package_module: Load, same_network: Check) -> None:
    module = package_module("wespeaker.models.resnet")
    block = module.Bottleneck if depth >= 50 else module.BasicBlock
    theirs = module.ResNet(block, DEPTHS[depth], m_channels=4, feat_dim=40, embed_dim=16, two_emb_layer=two)
    model = same_network(theirs, 40, lambda feats: theirs(feats)[-1], tolerance=1e-3)
    assert model.config["encoder"]["depth"] == depth
    assert model.config["features"]["window_type"] == "hamming"


@pytest.mark.parametrize(("glob", "norm"), [(False, False), (True, True)])
def test_ecapa(glob: bool, norm: bool, package_module: Load, same_network: Check) -> None:
    module = package_module("wespeaker.models.ecapa_tdnn")
    theirs = module.ECAPA_TDNN(channels=32, feat_dim=40, embed_dim=24, global_context_att=glob, emb_bn=norm)
    model = same_network(theirs, 40, lambda feats: theirs(feats)[-1])
    assert model.config["encoder"]["context"] is glob


def test_xvector(package_module: Load, same_network: Check) -> None:
    theirs = package_module("wespeaker.models.tdnn").XVEC(feat_dim=40, hid_dim=32, stats_dim=48, embed_dim=24)
    same_network(theirs, 40, lambda feats: theirs(feats)[-1])


@pytest.mark.parametrize(("variant", "bins"), [("B0", 60), ("B1", 72), ("B2", 72)])
def test_redimnet(variant: str, bins: int, package_module: Load, same_network: Check) -> None:
    theirs = getattr(package_module("wespeaker.models.redimnet"), f"ReDimNet{variant}")(feat_dim=bins, embed_dim=24)
    for weights in theirs.backbone.inputs_weights:
        torch.nn.init.normal_(weights)
    torch.nn.init.ones_(theirs.backbone.inputs_weights[0])
    model = same_network(theirs, bins, lambda feats: theirs(feats)[-1], tolerance=1e-3)
    assert model.config["encoder"]["variant"] == variant.lower()
    learned = sum(p.numel() for p in theirs.parameters()) - 1  # the first weight is a constant
    assert sum(p.numel() for p in model.encoder.parameters()) == learned


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("rvector_resnet", {"depth": 18}, 4_105_440),
        ("rvector_resnet", {"depth": 34}, 6_634_336),
        ("rvector_resnet", {"depth": 50}, 11_131_360),
        ("rvector_resnet", {"depth": 101}, 15_892_448),
        ("rvector_resnet", {"depth": 152}, 19_814_880),
        ("rvector_resnet", {"depth": 221}, 23_792_224),
        ("rvector_resnet", {"depth": 293}, 28_626_016),
        ("ecapa_tdnn_padded", {"context": True}, 6_190_720),
        ("ecapa_tdnn_padded", {"channels": 1024, "context": True}, 14_657_088),
    ],
)
def test_published_sizes(name: str, options: dict[str, Any], size: int, parameters: Callable[..., int]) -> None:
    """In wespeaker's tables 6.63 M (34), 11.13 (50), 15.89 (101), 19.81 (152), 23.79 (221), 28.62 (293)."""
    assert parameters(name, 80, **options) == size


def wespeaker_folder(folder: Path, module: Any, **config: Any) -> Path:
    folder.mkdir()
    theirs = module.XVEC(feat_dim=40, hid_dim=16, stats_dim=24, embed_dim=8)
    torch.save({**theirs.state_dict(), "projection.weight": torch.zeros(10, 8)}, folder / "avg_model.pt")
    text = {"model": "XVEC", "model_args": {"feat_dim": 40, "pooling_func": "TSTP"}, **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(text))
    return folder


def test_a_folder_is_loaded_as_it_is(tmp_path: Path, package_module: Load) -> None:
    module = package_module("wespeaker.models.tdnn")
    folder = wespeaker_folder(tmp_path / "model", module)
    feats = torch.randn(1, 90, 40)
    with torch.no_grad():
        direct = load_torch_model(folder).encoder(feats)
        imported = load_torch_model(import_model(folder, tmp_path / "out")).encoder(feats)
    assert torch.equal(direct, imported)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dataset_args": {"fbank_args": {"num_mel_bins": 80}}}, "num_mel_bins is 80"),
        ({"dataset_args": {"frontend": "s3prl"}}, "frontend s3prl is not known"),
        ({"model_args": {"pooling_func": "MQMHASTP"}}, "pooling_func MQMHASTP is not known"),
    ],
)
def test_features_that_the_import_does_not_know(
    config: dict[str, Any], message: str, tmp_path: Path, package_module: Load
) -> None:
    folder = wespeaker_folder(tmp_path / "model", package_module("wespeaker.models.tdnn"), **config)
    with pytest.raises(InputError, match=message):
        load_model(folder)
