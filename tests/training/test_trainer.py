"""The loop: learning on speakers never seen, two processes against one, accumulation, averaging, logs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from speakerssl.config import load_config
from speakerssl.data.sampler import Item
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.errors import InputError
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.methods.ssps import PositiveSampler
from speakerssl.training.build import initialize, train
from speakerssl.training.checkpoint import average_checkpoints, list_checkpoints
from speakerssl.training.distributed import World
from speakerssl.training.trainer import Trainer, _Identified
from speakerssl.training.validation import Validator


def eer_percent(folder: Path, test: Path) -> float:
    model = load_torch_model(folder)
    frontend = FeatureFrontend(model.config["features"])
    return Validator(test, test / "trials", frontend)(model.encoder)["valid_eer_percent"]


def test_learns_speakers_it_never_saw(write_config, corpus: Path, tmp_path: Path) -> None:
    augment = {"equalizer": {"prob": 0.8, "gain_db": 6.0}, "noise": {"prob": 0.5}}
    training = {"batch_size": 24, "steps": 60, "checkpoint_every": 60}
    config = load_config(write_config(training=training, augment=augment))
    initialize(config, tmp_path / "untrained")
    train(config, tmp_path / "trained", "cpu")
    before = eer_percent(tmp_path / "untrained", corpus / "test")
    after = eer_percent(tmp_path / "trained", corpus / "test")
    assert after < 0.7 * before, f"EER {before:.1f} % untrained, {after:.1f} % trained"


def test_two_processes_take_the_steps_of_one(write_config, tmp_path: Path) -> None:
    # Instance-wise layers only: batch statistics are each process's own.
    # Nothing random beside the crops, and plain gradient steps, which do not magnify the last bit as Adam's do.
    path = write_config(
        encoder={"name": "test_linear"},
        views={"spec_augment": {}},
        optimizer={"name": "sgd", "lr": 0.1},
        training={"batch_size": 16, "steps": 3},
    )
    script = tmp_path / "run.py"
    script.write_text(LINEAR_SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    one = [sys.executable, str(script), str(path), str(tmp_path / "one")]
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    for command in (one, [*two, str(path), str(tmp_path / "two")]):
        subprocess.run(command, check=True, env=environment, capture_output=True)
    alone, pair = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for key, value in alone.items():
        torch.testing.assert_close(pair[key], value, rtol=1e-4, atol=1e-5)


LINEAR_SCRIPT = """
import sys
import torch
from torch import nn
from speakerssl.encoders import Encoder
from speakerssl.encoders.registry import register

@register("test_linear")
class Linear(Encoder):
    def __init__(self, feat_dim: int, channels: int = 32, blocks: int = 0, aggregate_dim: int = 0, embed_dim: int = 32):
        super().__init__(feat_dim, embed_dim)
        self.layers = nn.Sequential(nn.Linear(feat_dim, channels), nn.Tanh(), nn.Linear(channels, embed_dim))

    def embed(self, feats, lengths):
        return self.layers(feats).mean(1)

from speakerssl.config import load_config
from speakerssl.training.build import train
train(load_config(sys.argv[1]), sys.argv[2], "cpu")
"""


def test_averaging_is_the_mean_of_the_last_checkpoints(write_config, tmp_path: Path) -> None:
    training = {"batch_size": 16, "steps": 8, "checkpoint_every": 2, "average_last": 3, "tensorboard": False}
    train(load_config(write_config(training=training)), tmp_path / "exp", "cpu")
    paths = list_checkpoints(tmp_path / "exp" / "checkpoints")
    assert [path.name for path in paths] == ["step-00000004.pt", "step-00000006.pt", "step-00000008.pt"]
    states = [torch.load(path, weights_only=True)["method"] for path in paths]
    averaged = average_checkpoints(paths)
    final = load_file(tmp_path / "exp" / "model.safetensors")
    key = "stem.weight"
    expected = sum(state[f"encoder.{key}"].double() for state in states) / 3
    torch.testing.assert_close(averaged[f"encoder.{key}"].double(), expected, rtol=0, atol=1e-7)
    assert torch.equal(final[key], averaged[f"encoder.{key}"])


def test_accumulation_amp_and_clipping_train(write_config, tmp_path: Path) -> None:
    training = {"batch_size": 16, "steps": 6, "accumulate": 2, "amp": "bf16", "clip_grad": 1.0}
    training |= {"tensorboard": True, "log_every": 6}
    train(load_config(write_config(training=training)), tmp_path / "exp", "cpu")
    rows = [json.loads(line) for line in (tmp_path / "exp" / "train.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [6]
    assert np.isfinite(rows[0]["loss"])
    assert rows[0]["recordings_per_second"] > 0
    assert 0 < rows[0]["data_wait_percent"] < 100
    assert list((tmp_path / "exp" / "tensorboard").glob("events*"))


def test_validation_eer_is_logged(write_config, corpus: Path, tmp_path: Path) -> None:
    validation = {"data": str(corpus / "test"), "trials": str(corpus / "test" / "trials"), "every": 6}
    data = {"exclude": str(corpus / "excluded")}
    train(load_config(write_config(validation=validation, data=data)), tmp_path / "exp", "cpu")
    rows = [json.loads(line) for line in (tmp_path / "exp" / "train.jsonl").read_text().splitlines()]
    validated = {row["step"]: row["valid_eer_percent"] for row in rows if "valid_eer_percent" in row}
    assert list(validated) == [6, 12]
    assert validated[12] == pytest.approx(eer_percent(tmp_path / "exp", corpus / "test"), abs=0.3)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"batch_size": 500, "steps": 1}}, "batch_size 500 is larger than the 72 training recordings"),
        ({"training": {"batch_size": 15, "steps": 1, "accumulate": 2}}, "does not divide"),
        ({"optimizer": {"name": "adamm"}}, "unknown .*optimizer.name 'adamm'"),
        ({"schedule": {"name": "cos"}}, "unknown .*schedule.name 'cos'; the known ones are: constant, cosine, step"),
        ({"method": {"name": "simclear"}}, "unknown method 'simclear'"),
        ({"method": {"name": "simclr", "head": 3}}, "method simclr: unknown key 'head'"),
        ({"data": {"train": []}}, "name data directories"),
    ],
)
def test_mistakes_are_named(write_config, tmp_path: Path, sections: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(load_config(write_config(**sections)), tmp_path / "exp", "cpu")


SWITCHES: dict[str, dict[str, Any]] = {
    "views": {"spec_augment": {}},
    "training": {"batch_size": 16, "steps": 3, "log_every": 1},
}


def final_weights(write_config, folder: Path, **sections: dict) -> dict[str, torch.Tensor]:
    train(load_config(write_config(**{**SWITCHES, **sections})), folder, "cpu")
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_a_fused_optimizer_takes_the_same_steps(
    name: str, write_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[bool] = []
    optimizer: Any = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[name]
    before = optimizer.step

    def step(self: torch.optim.Optimizer, *arguments: object) -> object:
        kinds.append(bool(self.defaults["fused"]))
        return before(self, *arguments)

    monkeypatch.setattr(optimizer, "step", step)
    losses = []
    for fused in (False, True):
        folder = tmp_path / str(fused)
        final_weights(write_config, folder, optimizer={"name": name, "lr": 0.01, "fused": fused})
        losses.append([json.loads(line)["loss"] for line in (folder / "train.jsonl").read_text().splitlines()])
    assert kinds == [False] * 3 + [True] * 3
    # Not by the weights: Adam turns a gradient that is zero but for rounding into a step of full size.
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert len(set(losses[0])) == 3


def test_a_compiled_encoder_takes_the_same_steps(write_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its graph is traced and run as it is: to compile that takes minutes, and is torch's own matter."""
    traced: list[int] = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> object:
        traced.append(len(graph.graph.nodes))
        return graph.forward

    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model, **options: compiler(model, backend=backend, **options))
    weights = [
        final_weights(write_config, tmp_path / str(on), optimizer={"name": "sgd", "lr": 0.01},
                      training={**SWITCHES["training"], "compile": on})
        for on in (False, True)
    ]  # fmt: skip
    assert traced
    assert list(weights[0]) == list(weights[1])
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-3, atol=1e-5, msg=key)


@pytest.mark.parametrize(("rank", "left"), [(0, ""), (1, '{"step": 1}\n')])
def test_of_several_processes_only_the_first_touches_the_log(
    write_config, tmp_path: Path, rank: int, left: str
) -> None:
    log = tmp_path / "train.jsonl"
    log.write_text('{"step": 1}\n')
    trainer = Trainer.__new__(Trainer)
    trainer.world, trainer.output, trainer.total_steps = World(rank=rank, size=2), tmp_path, 2
    trainer.config = load_config(write_config())
    trainer._open_log(0).close()
    assert log.read_text() == left


class Crops:
    """In the place of recordings: a reference crop is its length in seconds."""

    ids = ("a",)

    def __getitem__(self, item: Item) -> list[np.ndarray]:
        return []

    def reference_crop(self, index: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
        return np.full(1, seconds)


def test_reference_crops_of_the_last_epoch_are_as_long_as_the_sampler_asks_for() -> None:
    sampler = PositiveSampler(
        clusters=1, reference="last_epoch", positives="queue", start_epoch=3, reference_seconds=1.5
    )
    items = _Identified(cast(Any, Crops()), 0, sampler).__getitems__([(epoch, 0, 0) for epoch in range(4)])
    assert [None if crop is None else crop.tolist() for _, _, crop in items] == [None, None, [1.5], [1.5]]
    ((_, _, crop),) = _Identified(cast(Any, Crops()), 0, None).__getitems__([(9, 0, 0)])
    assert crop is None
