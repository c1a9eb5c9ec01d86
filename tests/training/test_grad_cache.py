"""Cached gradients through the trainer: those of the whole batch, for any method, and in two processes."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from speakerssl.config import Config, OptimizerConfig, TrainingConfig, load_config
from speakerssl.data.views import ViewDataset
from speakerssl.errors import InputError
from speakerssl.methods import build_method
from speakerssl.training.build import train
from speakerssl.training.distributed import World
from speakerssl.training.grad_cache import EncoderCache
from speakerssl.training.trainer import Trainer
from tests.groups import results_of

# No batch statistics (a chunk's would differ), no masks (drawn once a forward pass either way).
INSTANCE = {"views": {"spec_augment": {}}, "optimizer": {"name": "sgd", "lr": 0.05}}


def weights(write_config, output: Path, cache: dict, **sections: dict) -> dict[str, torch.Tensor]:
    training = {"batch_size": 16, "steps": 2, "log_every": 1, "grad_cache": cache}
    train(load_config(write_config(**{**INSTANCE, **sections, "training": training})), output, "cpu")
    return load_file(output / "model.safetensors")


class Encoder(nn.Module):
    """With dropout, and without batch statistics; remembers how many it saw at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Dropout(0.3), nn.Linear(7, 4))
        self.seen: list[int] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(inputs))
        return self.layers(inputs)


def gradients(chunk: int) -> tuple[list[torch.Tensor], Encoder]:
    torch.manual_seed(0)
    encoder, views = Encoder(), torch.randn(2, 10, 5)
    cache = EncoderCache(encoder, chunk)
    torch.manual_seed(1)
    with cache.open():
        first, second = encoder(views[0]), encoder(views[1])
        loss = torch.logsumexp(first @ second.T, 1).mean() - (first * second).sum()
    loss.backward()
    cache.send_back()
    return [parameter.grad for parameter in encoder.parameters()], encoder


def test_gradients_are_those_of_the_chunks_in_one_graph() -> None:
    found, encoder = gradients(chunk=4)
    assert encoder.seen == [4, 3, 3] * 4
    torch.manual_seed(0)
    plain, views = Encoder(), torch.randn(2, 10, 5)
    torch.manual_seed(1)
    first, second = (torch.cat([plain(part) for part in view.tensor_split(3)]) for view in views)
    (torch.logsumexp(first @ second.T, 1).mean() - (first * second).sum()).backward()
    for gradient, parameter in zip(found, plain.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def test_calls_without_gradients_go_through() -> None:
    encoder = Encoder()
    cache = EncoderCache(encoder, 2)
    with cache.open(), torch.no_grad():
        encoder(torch.randn(6, 5))
    assert encoder.seen == [6]
    assert cache.calls == []
    assert "forward" not in vars(encoder)


@pytest.mark.parametrize("method", [{"name": "simclr", "projector": None}, {"name": "moco", "projector": None}])
def test_a_chunk_of_the_whole_batch_changes_nothing(write_config, tmp_path: Path, method: dict) -> None:
    plain = weights(write_config, tmp_path / "plain", {}, method=method)
    cached = weights(write_config, tmp_path / "cached", {"chunk": 64}, method=method)
    for key, value in plain.items():
        torch.testing.assert_close(cached[key], value, rtol=1e-4, atol=1e-6, msg=key)


def test_small_chunks_train_every_kind_of_method(write_config, tmp_path: Path) -> None:
    for name in ("multiview", "byol", "dino"):
        head = {"dino": {"head": {"hidden_dim": 16, "bottleneck_dim": 8, "out_dim": 20}}}.get(name, {})
        loss = {"loss": {"symmetry": "both_views", "margin": "none"}} if name == "multiview" else {}
        path = write_config(**INSTANCE, **loss, training={"batch_size": 16, "steps": 2, "grad_cache": {"chunk": 5}})
        config = load_config(path, [f"method={json.dumps({'name': name, **head})}", *([] if loss else ["loss={}"])])
        train(config, tmp_path / name, "cpu")
        rows = [json.loads(line) for line in (tmp_path / name / "train.jsonl").read_text().splitlines()]
        assert all(torch.isfinite(torch.tensor(row["loss"])) for row in rows)


def test_mistakes_are_named(write_config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training\.grad_cache.*'chunks'"):
        weights(write_config, tmp_path / "exp", {"chunks": 3})


class Recordings:
    """16 recordings whose views are their means with noise, a function of the recording alone."""

    ids = [str(i) for i in range(16)]  # noqa: RUF012

    def __len__(self) -> int:
        return 16

    def __getitem__(self, item: tuple[int, int, int]) -> list[np.ndarray]:
        rng = np.random.default_rng(item[:2])
        mean = np.random.default_rng(item[1]).standard_normal(5)
        return [(mean + rng.standard_normal((10, 5))).astype(np.float32) for _ in range(2)]


class MeanEncoder(nn.Module):
    """Without batch statistics, so that a chunk is no other than the whole."""

    embed_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4))

    def forward(self, feats: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        return self.layers(feats.mean(1))


def trained(folder: Path, world: World, cache: dict, name: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    method = build_method(cast(Any, MeanEncoder()), {"name": name, "projector": None}, {"temperature": 0.2})
    training = TrainingConfig(batch_size=16, steps=3, checkpoint_every=99, tensorboard=False, grad_cache=cache)
    optimizer = OptimizerConfig(name="sgd", lr=0.5)
    config = Config(features={}, encoder={}, loss={}, training=training, optimizer=optimizer)
    trainer = Trainer(config, method, nn.Identity(), cast(ViewDataset, Recordings()), folder, world)
    trainer.fit()
    return {key: value.clone() for key, value in trainer.method.encoder.state_dict().items()}


def train_rank(rank: int, folder: Path) -> dict[tuple[str, str], dict[str, torch.Tensor]]:
    found = {}
    for name in ("simclr", "moco"):
        for kind, cache in (("plain", {}), ("cached", {"chunk": 3})):
            found[name, kind] = trained(folder / f"{name}-{kind}", World(rank, 2), cache, name)
    return found


@pytest.mark.slow
def test_two_processes_cache_what_one_would(tmp_path: Path) -> None:
    """Negatives come from both processes: each must send the gradient of both losses back through its own chunks."""
    first, second = results_of(train_rank, 2, tmp_path)
    alone = trained(tmp_path / "alone", World(), {}, "simclr")
    start = MeanEncoder().state_dict()
    for name in ("simclr", "moco"):
        for key, plain in first[name, "plain"].items():
            for cached in (first[name, "cached"][key], second[name, "cached"][key]):
                torch.testing.assert_close(cached, plain, rtol=1e-5, atol=1e-6, msg=f"{name} {key}")
            assert not torch.allclose(plain, start[key], atol=1e-3)  # it has learnt something
    for key, value in alone.items():
        torch.testing.assert_close(first["simclr", "cached"][key], value, rtol=1e-4, atol=1e-5, msg=key)
