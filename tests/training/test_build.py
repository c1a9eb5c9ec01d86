"""From a configuration to training: what a method is told about its recordings."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from speakerssl.config import Config, DataConfig, ScalingConfig, TrainingConfig
from speakerssl.data.sampler import Item
from speakerssl.encoders import build_encoder
from speakerssl.methods import build_method
from speakerssl.training.build import describe_recordings
from speakerssl.training.distributed import World
from speakerssl.training.trainer import Trainer
from tests.methods.conftest import DIM, FEATS, TINY


class Recordings:
    """24 recordings of 6 speakers; a view is the recording's mean with noise."""

    def __init__(self) -> None:
        self.ids = [f"r{i}" for i in range(24)]
        self.means = np.repeat(np.random.default_rng(0).standard_normal((6, FEATS)), 4, axis=0)

    def __len__(self) -> int:
        return 24

    def __getitem__(self, item: Item) -> list[np.ndarray]:
        epoch, anchor, partner = item
        rng = np.random.default_rng((epoch, anchor))
        owners = [anchor, partner, anchor, anchor]
        lengths = [12, 12, 6, 6]
        return [(self.means[i] + rng.standard_normal((n, FEATS))).astype(np.float32) for i, n in zip(owners, lengths)]

    def reference_crop(self, index: int, seconds: float, rng: np.random.Generator | None = None) -> np.ndarray:
        assert rng is not None
        return (self.means[index] + rng.standard_normal((12, FEATS))).astype(np.float32)


def trainer_of(name: str, output: Path, world: World, **options: object) -> Trainer:
    torch.manual_seed(0)
    encoder = build_encoder("small_tdnn", FEATS, channels=8, blocks=1, stride=2, kernel_size=3, aggregate_dim=0,
                            bottleneck=4, embed_dim=DIM, pooling="mean")  # fmt: skip
    method = build_method(encoder, {"name": name, **TINY[name], **options}, {})
    training = TrainingConfig(batch_size=12, steps=6, checkpoint_every=3, log_every=2, tensorboard=False)
    dataset = Recordings()
    feats = torch.from_numpy(dataset.means).float()[:, None].expand(-1, 12, -1)

    def embed() -> np.ndarray:
        with torch.no_grad():
            return method.final_encoder()(feats).numpy()

    scaling = ScalingConfig(reference_batch=6)
    config = Config(features={}, encoder={}, loss={}, training=training, scaling=scaling)
    return Trainer(config, method, nn.Identity(), dataset, output, world, embed=embed)


def test_sessions_come_from_the_data_directory_and_speakers_only_where_they_are_asked_for(tmp_path: Path) -> None:
    tables = {
        "wav.scp": "a a.wav\nb b.wav\nc c.wav\n",
        "utt2session": "a s1\nb s1\n",
        "utt2spk": "a x\nb y\nc x\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    data = DataConfig(train=(str(tmp_path),))
    method = trainer_of("simclr", tmp_path / "exp", World()).method
    describe_recordings(method, Config(features={}, encoder={}, loss={}, data=data), ["c", "b", "a"])
    assert method.sessions == [None, "s1", "s1"]
    assert method.speakers is None
    reported = Config(features={}, encoder={}, loss={}, data=data, training=TrainingConfig(report_labels=True))
    describe_recordings(method, reported, ["c", "b", "a"])
    assert method.speakers is not None
    assert method.speakers.tolist() == [0, 1, 0]
    (tmp_path / "utt2session").unlink()
    (tmp_path / "utt2spk").unlink()
    method = trainer_of("simclr", tmp_path / "exp", World()).method
    describe_recordings(method, reported, ["c", "b", "a"])
    assert method.sessions is None
    assert method.speakers is None
