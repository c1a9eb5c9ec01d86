"""clovaai's ResNets under the published names, re-derived here from the description alone; no package has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn

from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.model import load_model


class Gate(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, channels // 8), nn.ReLU(), nn.Linear(channels // 8, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc(x.mean(dim=(2, 3))))[:, :, None, None]


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.se = Gate(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.se(self.bn2(self.conv2(self.bn1(torch.relu(self.conv1(x))))))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


class PreEmphasis(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flipped_filter: Tensor
        self.register_buffer("flipped_filter", torch.tensor([[[-0.97, 1.0]]]))

    def forward(self, wave: Tensor) -> Tensor:
        padded = nn.functional.pad(wave[:, None], (1, 0), "reflect")
        return nn.functional.conv1d(padded, self.flipped_filter)[:, 0]


class ResNetSE(nn.Module):
    def __init__(self, channels: int, bins: int, dim: int, lite: bool) -> None:
        super().__init__()
        self.lite = lite
        mel = torchaudio.transforms.MelSpectrogram(
            16000, n_fft=512, win_length=400, hop_length=160, window_fn=torch.hamming_window, n_mels=bins
        )
        self.torchfb = mel if lite else nn.Sequential(PreEmphasis(), mel)
        self.instancenorm = nn.InstanceNorm1d(bins)
        if lite:
            self.conv1 = nn.Conv2d(1, channels, 7, (2, 1), 3, bias=False)
        else:
            self.conv1 = nn.Conv2d(1, channels, 3, 1, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        inputs = channels
        for stage, (count, stride) in enumerate(zip((3, 4, 6, 3), (1, 2, 2, 1 if lite else 2))):
            outputs = channels * 2**stage
            blocks = [Block(outputs if i else inputs, outputs, 1 if i else stride) for i in range(count)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs
        if lite:
            self.sap_linear = nn.Linear(inputs, inputs)
            self.attention: Any = nn.Parameter(torch.randn(inputs, 1))
            self.fc = nn.Linear(inputs, dim)
        else:
            values = inputs * bins // 8
            self.attention = nn.Sequential(
                nn.Conv1d(values, 128, 1), nn.ReLU(), nn.BatchNorm1d(128), nn.Conv1d(128, values, 1), nn.Softmax(dim=2)
            )
            self.fc = nn.Linear(2 * values, dim)

    def forward(self, wave: Tensor) -> Tensor:
        x = self.instancenorm((self.torchfb(wave) + 1e-6).log())[:, None]
        x = torch.relu(self.bn1(self.conv1(x))) if self.lite else self.bn1(torch.relu(self.conv1(x)))
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"layer{stage}")(x)
        if self.lite:
            rows = x.mean(dim=2).transpose(1, 2)
            weights = torch.softmax(torch.tanh(self.sap_linear(rows)) @ self.attention, dim=1)
            return self.fc((rows * weights).sum(dim=1))
        x = x.flatten(1, 2)
        weights = self.attention(x)
        mean = (x * weights).sum(dim=2)
        deviation = ((x.square() * weights).sum(dim=2) - mean.square()).clamp(min=1e-5).sqrt()
        return self.fc(torch.cat([mean, deviation], dim=1))


def check(theirs: nn.Module, path: Path) -> dict[str, object]:
    torch.manual_seed(0)
    wave = torch.randn(3, 24000) * torch.linspace(0.01, 0.2, 24000)
    with torch.no_grad():
        for _ in range(3):
            theirs(wave)
        expected = theirs.eval()(wave[:1])[0].numpy()
    state = {f"module.__S__.{name}": tensor for name, tensor in theirs.state_dict().items()}
    torch.save({**state, "module.__L__.W": torch.zeros(3, 3)}, path)
    model = load_model(import_model(path, path.parent / "out"))
    got = model.encode([wave[0].numpy() * 32768.0])[0]
    assert np.abs(got - expected).max() / np.abs(expected).max() < 1e-3
    return dict(model.config)


def test_lite(tmp_path: Path) -> None:
    found = check(ResNetSE(8, 40, 24, lite=True), tmp_path / "baseline_lite_ap.model")
    assert found["features"]["preemphasis_coefficient"] == 0.0  # type: ignore[index]


def test_second_version(tmp_path: Path) -> None:
    found = check(ResNetSE(8, 64, 24, lite=False), tmp_path / "baseline_v2_ap.model")
    assert found["features"]["preemphasis_coefficient"] == 0.97  # type: ignore[index]


def test_published_sizes(parameters: Callable[..., int]) -> None:
    """1.4 M and 8.0 M parameters in the published tables."""
    lite, second = ResNetSE(16, 40, 512, lite=True), ResNetSE(32, 64, 512, lite=False)
    sizes = [sum(p.numel() for p in theirs.parameters()) for theirs in (lite, second)]
    assert parameters("fast_resnet34", 40) == sizes[0] == 1_437_078
    options = {"channels": 32, "pooling": "attentive_statistics"}
    assert parameters("thin_resnet34", 64, **options) == sizes[1]
    assert round(sizes[1] / 1e6, 1) == 8.0
