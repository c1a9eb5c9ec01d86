"""Shared-out weights: two processes take the steps of one, files hold the whole, and a run goes on from them."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from speakerssl.config import Config, OptimizerConfig, ScheduleConfig, TrainingConfig
from speakerssl.data.views import ViewDataset
from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.methods import Method, build_method
from speakerssl.training.checkpoint import list_checkpoints, read_checkpoint
from speakerssl.training.distributed import World
from speakerssl.training.sharding import Sharding
from speakerssl.training.trainer import Trainer
from tests.groups import results_of
from tests.training.test_grad_cache import MeanEncoder, Recordings

STEPS = 4


SGD = OptimizerConfig(name="sgd", lr=0.5)
ADAMW = OptimizerConfig(name="adamw", lr=0.01, weight_decay=0.1)
RESNET = {"channels": 8, "pooling": "statistics", "embed_dim": 16}


def made(name: str, resnet: bool = False) -> Method:
    torch.manual_seed(0)
    encoder = build_encoder("small_resnet", 5, **RESNET) if resnet else cast(Any, MeanEncoder())
    return build_method(encoder, {"name": name, "projector": None}, {"temperature": 0.2})


def train(
    folder: Path,
    world: World,
    steps: int = STEPS,
    optimizer: OptimizerConfig = SGD,
    resnet: bool = False,
    **options: Any,
) -> Trainer:
    """A run of `steps` steps in `folder`, from its last checkpoint."""
    return fit(made("simclr", resnet), folder, world, steps, optimizer, **options)


def fit(method: Method, folder: Path, world: World, steps: int, optimizer: OptimizerConfig, **options: Any) -> Trainer:
    """A run of `method` on `Recordings`, at a constant rate, with a checkpoint every two steps."""
    training = TrainingConfig(batch_size=16, steps=steps, checkpoint_every=2, tensorboard=False, **options)
    schedule = ScheduleConfig(name="constant")
    config = Config(features={}, encoder={}, loss={}, training=training, optimizer=optimizer, schedule=schedule)
    trainer = Trainer(config, method, nn.Identity(), cast(ViewDataset, Recordings()), folder, world)
    trainer.fit()
    return trainer


def train_rank(rank: int, folder: Path) -> tuple[Any, ...]:
    world = World(rank, 2)
    whole = train(folder / "once", world, fsdp=True, clip_grad=1.0)
    mine = sum(value.to_local().numel() for value in cast(Any, whole.method.parameters()))
    for steps in (2, STEPS):
        again = train(folder / "twice", world, steps, fsdp=True, clip_grad=1.0)
    synchronized: dict[str, Any] = {"optimizer": ADAMW, "resnet": True, "sync_batch_norm": True}
    resnet = train(folder / "resnet", world, fsdp=True, **synchronized)
    states = [trainer.whole_method.state_dict() for trainer in (whole, again, resnet)] if rank == 0 else []
    return (mine, *states)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    mine, once, twice, resnet = results_of(train_rank, 2, tmp_path)[0]
    alone = train(tmp_path / "alone", World(), fsdp=True, clip_grad=1.0)
    assert mine < 0.7 * sum(value.numel() for value in alone.method.parameters())
    written = read_checkpoint(list_checkpoints(tmp_path / "once" / "checkpoints")[-1])["method"]
    torch.manual_seed(0)
    start = build_method(
        cast(Any, MeanEncoder()), {"name": "simclr", "projector": None}, {"temperature": 0.2}
    ).state_dict()
    for key, value in alone.method.state_dict().items():
        torch.testing.assert_close(once[key], value, rtol=1e-3, atol=1e-5, msg=key)
        torch.testing.assert_close(twice[key], once[key], rtol=0, atol=0, msg=f"{key} after a stop")
        torch.testing.assert_close(written[key], once[key], rtol=0, atol=0, msg=f"{key} in the file")
    assert not torch.allclose(once["encoder.layers.0.weight"], start["encoder.layers.0.weight"], atol=1e-3)
    check_resnet(tmp_path, resnet)


def check_resnet(folder: Path, shared: dict[str, torch.Tensor]) -> None:
    """A network with batch normalization and an optimizer with state takes the steps of one process."""
    alone = train(folder / "alone-resnet", World(), optimizer=ADAMW, resnet=True).method
    start, found = made("simclr", resnet=True), made("simclr", resnet=True)
    found.load_state_dict(shared)
    feats = torch.randn(20, 30, 5)
    before, one, two = (torch.nn.functional.normalize(m.eval().encoder(feats)) for m in (start, alone, found))
    assert (one - two).norm() < 1e-3 * (one - before).norm()
    for key, value in alone.state_dict().items():
        if "running" in key:
            torch.testing.assert_close(shared[key], value, rtol=1e-3, atol=1e-4, msg=key)


def test_what_it_does_not_go_with_is_refused() -> None:
    with pytest.raises(InputError, match=r"training.fsdp: does not go with methods with a teacher; leave it out"):
        Sharding(made("moco"), TrainingConfig(fsdp=True), World(0, 2))
    with pytest.raises(InputError, match=r"does not go with training.grad_cache"):
        Sharding(made("simclr"), TrainingConfig(fsdp=True, grad_cache={"chunk": 3}), World(0, 2))
