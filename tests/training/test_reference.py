"""What sampled positives are looked up in: encoder embeddings or feature statistics, from audio or from a store."""

from pathlib import Path

import numpy as np
import pytest
import torch

from speakerssl.config import load_config
from speakerssl.encoders import build_encoder
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import Method, build_method
from speakerssl.methods.statistics import statistics_embeddings
from speakerssl.training.build import _build_model, build_dataset, train
from speakerssl.training.reference import ReferenceFrames, build_reference


@pytest.fixture
def parts(write_config, tmp_path: Path):
    """`parts(ssps)`: the dataset of the tiny corpus, the frontend and a method with that option."""

    def build(ssps: dict | None):
        config = load_config(write_config())
        features, encoder = _build_model(config)
        method = build_method(encoder, {"name": "simclr", "projector": None, "ssps": ssps}, {})
        return build_dataset(config, features.sample_rate, tmp_path), features, method

    return build


def test_none_where_no_positives_are_sampled(parts) -> None:
    assert build_reference(*parts(None)) is None


def test_frames_are_those_before_normalization(parts) -> None:
    dataset, features, method = parts({"clusters": 3})
    frames = ReferenceFrames(dataset, features, method)
    wave = dataset.utterances[5].read(0.0, 4.0)
    torch.testing.assert_close(frames[5], features.raw(torch.from_numpy(wave)[None])[0])
    assert len(frames) == 72
    assert frames[5].mean(dim=0).abs().max() > 1  # an utterance mean is there


def test_the_encoder_embeds_normalized_frames_and_stays_in_its_mode(parts) -> None:
    dataset, features, method = parts({"clusters": 3})
    method.train()
    found = build_reference(dataset, features, method)()
    assert method.encoder.training
    frames = ReferenceFrames(dataset, features, method)[7]
    with torch.no_grad():
        alone = method.encoder.eval()(features.normalize(frames[None]))[0]
    cosine = torch.cosine_similarity(torch.from_numpy(found[7]), alone, dim=0)
    assert found.shape == (72, 32)
    assert cosine > 0.9999


def test_statistics_are_computed_once(parts, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, features, method = parts({"clusters": 3, "reference": "statistics"})
    reference = build_reference(dataset, features, method)
    frames = ReferenceFrames(dataset, features, method)
    np.testing.assert_array_equal(reference(), statistics_embeddings(frames[i].numpy() for i in range(72)))
    monkeypatch.setattr(ReferenceFrames, "__getitem__", lambda self, index: 1 / 0)
    assert reference().shape == (72, 80)


def test_positives_by_statistics_do_not_wait_for_the_encoder(write_config, tmp_path: Path) -> None:
    """From the first epoch on they are the same for any encoder."""
    ssps = {"clusters": 24, "reference": "statistics"}
    config = load_config(write_config(method={"ssps": ssps}))
    train(config, tmp_path / "run", "cpu")
    assert (tmp_path / "run" / "model.safetensors").is_file()
    dataset = build_dataset(config, 16000, tmp_path)
    features = FeatureFrontend(config.features)
    positives = [positives_of(dataset, features, encoder_seed, ssps) for encoder_seed in (0, 1)]
    np.testing.assert_array_equal(*positives)
    assert (positives[0] != np.arange(72)).mean() > 0.5


def positives_of(dataset, features: FeatureFrontend, encoder_seed: int, ssps: dict) -> np.ndarray:
    torch.manual_seed(encoder_seed)
    encoder = build_encoder("small_tdnn", 40, channels=8, blocks=1, aggregate_dim=0, embed_dim=8)
    method: Method = build_method(encoder, {"name": "simclr", "projector": None, "ssps": ssps}, {})
    return method.start_epoch(0, build_reference(dataset, features, method))
