"""What sampled positives are looked up in: encoder embeddings or feature statistics, from audio or from a store."""

from pathlib import Path

import numpy as np
import pytest
import torch

from speakerssl.config import load_config
from speakerssl.encoders import build_encoder
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods import Method, build_method
from speakerssl.methods.base import Embed
from speakerssl.methods.ssps import References
from speakerssl.methods.statistics import statistics_embeddings
from speakerssl.training import reference
from speakerssl.training.build import _build_model, build_dataset, train
from speakerssl.training.reference import ReferenceStatistics, ReferenceStream, build_reference
from tests.groups import results_of


@pytest.fixture
def parts(write_config, tmp_path: Path):
    """`parts(ssps)`: the dataset of the tiny corpus, the frontend and a method with that option."""

    def build(ssps: dict | None):
        config = load_config(write_config())
        features, encoder = _build_model(config)
        method = build_method(encoder, {"name": "simclr", "projector": None, "ssps": ssps}, {})
        return build_dataset(config, features.sample_rate, tmp_path), features, method

    return build


def references(embed: Embed | None) -> References:
    """What is embedded, with its halves."""
    found = embed()
    assert isinstance(found, References)
    return found


def test_none_where_no_positives_are_sampled(parts) -> None:
    assert build_reference(*parts(None)) is None


def test_frames_are_those_before_normalization(parts) -> None:
    dataset, features, method = parts({"clusters": 3})
    stream = ReferenceStream(dataset, features, method)
    frames = frames_of(stream)
    wave = dataset.utterances[5].read(0.0, 4.0)
    torch.testing.assert_close(frames[5], features.raw(torch.from_numpy(wave)[None])[0])
    assert sorted(frames) == list(range(72))
    assert frames[5].mean(dim=0).abs().max() > 1  # an utterance mean is there


def test_the_encoder_embeds_normalized_frames_and_stays_in_its_mode(parts) -> None:
    dataset, features, method = parts({"clusters": 3})
    method.train()
    found = references(build_reference(dataset, features, method))
    assert method.encoder.training
    frames = frames_of(ReferenceStream(dataset, features, method))[7]
    with torch.no_grad():
        parts = [frames, frames[: len(frames) // 2], frames[-(len(frames) // 2) :]]
        alone = [method.encoder.eval()(features.normalize(part[None]))[0] for part in parts]
    assert found.embeddings.shape == (72, 32)
    for embedding, expected in zip((found.embeddings[7], found.halves[0][7], found.halves[1][7]), alone):
        assert torch.cosine_similarity(torch.from_numpy(embedding), expected, dim=0) > 0.9999


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_workers_bring_the_same(parts, workers: int) -> None:
    dataset, features, method = parts({"clusters": 3})
    alone = references(build_reference(dataset, features, method)).embeddings
    found = references(build_reference(dataset, features, method, workers)).embeddings
    np.testing.assert_allclose(found, alone, atol=1e-6)


def test_no_more_recordings_are_held_than_a_few_batches(parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: every crop is watched until it is gone."""
    dataset, features, method = parts({"clusters": 3})
    monkeypatch.setattr(reference, "BATCH", 4)
    alive, most = [0], [0]

    class Watched(np.ndarray):
        def __del__(self) -> None:
            alive[0] -= 1

    crop_of = dataset.reference_crop

    def watched(index: int, seconds: float) -> np.ndarray:
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        return crop_of(index, seconds).view(Watched)

    monkeypatch.setattr(dataset, "reference_crop", watched)
    build_reference(dataset, features, method)()
    assert most[0] <= 3 * 4 < len(dataset)


def frames_of(stream: ReferenceStream) -> dict[int, torch.Tensor]:
    """{recording: its features}"""
    batches = list(stream.batches(len(stream)))
    return {int(i): frames for recordings, feats in batches for i, frames in zip(recordings, feats)}


def test_statistics_are_computed_once(parts, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, features, method = parts({"clusters": 3, "reference": "statistics"})
    statistics = build_reference(dataset, features, method)
    frames = frames_of(ReferenceStream(dataset, features, method))
    expected = statistics_embeddings(frames[i].numpy() for i in range(72))
    np.testing.assert_allclose(references(statistics).embeddings, expected, atol=1e-3 * np.abs(expected).max())
    monkeypatch.setattr(ReferenceStream, "batches", lambda self, count: 1 / 0)
    assert references(statistics).embeddings.shape == (72, 80)


def test_positives_by_statistics_do_not_wait_for_the_encoder(write_config, tmp_path: Path) -> None:
    """From the first epoch on they are the same for any encoder."""
    ssps = {"clusters": 24, "reference": "statistics"}
    config = load_config(write_config(method={"ssps": ssps}))
    train(config, tmp_path / "run", "cpu")
    assert (tmp_path / "run" / "model.safetensors").is_file()
    dataset = build_dataset(config, 16000, tmp_path)
    features = FeatureFrontend(config.features)
    first, second = (positives_of(dataset, features, encoder_seed, ssps) for encoder_seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != np.arange(72)).mean() > 0.5


def positives_of(dataset, features: FeatureFrontend, encoder_seed: int, ssps: dict) -> np.ndarray:
    torch.manual_seed(encoder_seed)
    encoder = build_encoder("small_tdnn", 40, channels=8, blocks=1, aggregate_dim=0, embed_dim=8)
    method: Method = build_method(encoder, {"name": "simclr", "projector": None, "ssps": ssps}, {})
    return method.start_epoch(0, build_reference(dataset, features, method))


class Numbers:
    """Recordings whose features are their number; the worker processes of a test make it anew."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def reference_crop(self, index: int, seconds: float) -> np.ndarray:
        return np.full((3, 2), index, dtype=np.float32)


def collect_numbers(rank: int) -> tuple[np.ndarray | None, list[int]]:
    method = torch.nn.Linear(1, 1)
    method.sampler = None
    stream = ReferenceStream(Numbers(7), None, method)  # type: ignore[arg-type]
    seen: list[int] = []

    def values(feats: list[torch.Tensor]) -> np.ndarray:
        seen.extend(int(one[0, 0]) for one in feats)
        return np.stack([one.numpy().mean(0) for one in feats])

    return stream.collect(values), seen


@pytest.mark.slow
def test_two_processes_each_embed_a_half_and_the_first_has_all() -> None:
    (found, first), (nothing, second) = results_of(collect_numbers, 2)
    np.testing.assert_array_equal(found, np.repeat(np.arange(7.0)[:, None], 2, axis=1))
    assert nothing is None
    assert (first, second) == ([0, 2, 4, 6], [1, 3, 5, 0])


@pytest.mark.parametrize("where", ["encoder", "statistics"])
def test_splitting_asks_how_alike_the_halves_of_every_recording_are(parts, where: str, monkeypatch) -> None:
    options = {"clusters": 3, "reference": where}
    assert references(build_reference(*parts(options))).alike is None
    monkeypatch.setattr(reference, "HALVES", 10)
    found = references(build_reference(*parts({**options, "split": True})))
    assert found.alike.shape == (72,)
    first, second = found.halves
    assert len(first) == 10
    expected = torch.cosine_similarity(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(found.alike[:10], expected, atol=1e-5)


def test_more_of_each_recording_is_looked_at_where_that_is_asked_for(parts) -> None:
    for seconds in (0.5, 1.0):
        built = build_reference(*parts({"clusters": 3, "reference": "statistics", "reference_seconds": seconds}))
        assert isinstance(built, ReferenceStatistics)
        frames = frames_of(built.stream)
        assert max(len(one) for one in frames.values()) == pytest.approx(100 * seconds, abs=3)
