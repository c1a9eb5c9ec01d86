"""A tiny trainer around any method: 24 recordings of 6 speakers, 6 steps, a checkpoint after three."""

import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from speakerssl.config import Config, ScalingConfig, TrainingConfig
from speakerssl.data.sampler import Item
from speakerssl.encoders import build_encoder
from speakerssl.methods import build_method
from speakerssl.training.checkpoint import list_checkpoints
from speakerssl.training.distributed import World
from speakerssl.training.trainer import Trainer

from .conftest import DIM, FEATS, TINY


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

    @property
    def seconds(self) -> np.ndarray:
        return np.ones(len(self))

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


def resumed_like_the_whole(name: str, folder: Path, **options: object) -> Trainer:
    """A run in `folder`/whole, which has ended; one that goes on from its first checkpoint ends at the same bits."""
    whole = trainer_of(name, folder / "whole", World(), **options)
    whole.fit()
    (folder / "again" / "checkpoints").mkdir(parents=True)
    middle = list_checkpoints(folder / "whole" / "checkpoints")[0]  # after step 3: inside epoch 1
    shutil.copy(middle, folder / "again" / "checkpoints")
    again = trainer_of(name, folder / "again", World(), **options)
    again.fit()
    for key, value in whole.method.state_dict().items():
        assert torch.equal(again.method.state_dict()[key], value), key
    return whole
