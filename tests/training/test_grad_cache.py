"""Cached gradients through the trainer: those of the whole batch, for any method, and in two processes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from speakerssl.config import load_config
from speakerssl.errors import InputError
from speakerssl.training.build import train
from speakerssl.training.grad_cache import EncoderCache

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
