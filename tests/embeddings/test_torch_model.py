"""A model folder by torch: devices, engines, and how recordings of several lengths go through the network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from speakerssl.embeddings.model import SpeakerModel, load_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model
from speakerssl.errors import InputError


def test_a_device_that_is_not_there(model_dir: Path) -> None:
    with pytest.raises(InputError, match="device 'cuda:77' cannot be used"):
        load_model(model_dir, "cuda:77")
    with pytest.raises(InputError, match="device 'toaster' cannot be used"):
        load_model(model_dir, "toaster")
    assert load_torch_model(model_dir, "auto").device.type in ("cpu", "cuda")


def test_a_cpu_takes_recordings_of_one_length_together_and_pads_none(model_dir: Path, monkeypatch) -> None:
    model = load_torch_model(model_dir)
    assert isinstance(model, SpeakerModel)
    waves = [3000 * np.random.default_rng(n).standard_normal(n).astype(np.float32) for n in (8000, 9600, 8000)]
    alone = np.concatenate([model.encode([wave]) for wave in waves])
    seen: list[tuple[tuple[int, ...], object]] = []
    network = model._network

    def recorded(_: TorchModel, feats: torch.Tensor, lengths: object = None) -> torch.Tensor:
        seen.append((tuple(feats.shape[:2]), lengths))
        return network(feats)

    monkeypatch.setattr(TorchModel, "_network", recorded)
    np.testing.assert_allclose(model.encode(waves), alone, rtol=1e-4, atol=1e-5)
    assert seen == [((2, 48), None), ((1, 58), None)]


def test_an_engine_by_name_gives_the_same(model_dir: Path) -> None:
    wave = 3000 * np.random.default_rng(0).standard_normal(12000).astype(np.float32)
    model = load_model(model_dir, engine="folded")
    assert isinstance(model, TorchModel)
    assert model.engine is not None
    expected = load_model(model_dir).encode([wave])
    assert np.linalg.norm(model.encode([wave]) - expected) <= 1e-4 * np.linalg.norm(expected)
    with pytest.raises(InputError, match="unknown engine 'warp'"):
        load_model(model_dir, engine="warp")
    assert torch.equal(model.features(wave), load_torch_model(model_dir).features(wave))
