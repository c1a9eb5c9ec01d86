"""Batch statistics of all processes, and shuffled keys: two processes against one."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from speakerssl.config import Config, OptimizerConfig, TrainingConfig
from speakerssl.data.views import ViewDataset
from speakerssl.encoders import build_encoder
from speakerssl.methods import build_method
from speakerssl.methods.moco import shuffle_rows
from speakerssl.training.distributed import World
from speakerssl.training.sync_batch_norm import GatheredBatchNorm, synchronize_batch_norm
from speakerssl.training.trainer import Trainer
from tests.groups import results_of

WORLD, ROWS, STEPS, FEATS = 2, 8, 3, 6


class Recordings:
    """16 recordings whose views are their means with noise, a function of the recording alone."""

    ids = [str(i) for i in range(16)]  # noqa: RUF012

    def __len__(self) -> int:
        return 16

    def __getitem__(self, item: tuple[int, int, int]) -> list[np.ndarray]:
        rng = np.random.default_rng(item[:2])
        mean = np.random.default_rng(item[1]).standard_normal(FEATS)
        return [(mean + rng.standard_normal((10, FEATS))).astype(np.float32) for _ in range(2)]


def vicreg(folder: Path, world: World, synchronized: bool) -> dict[str, torch.Tensor]:
    """The state after three steps of VICReg."""
    torch.manual_seed(0)
    encoder = build_encoder("small_tdnn", FEATS, channels=8, blocks=1, stride=2, kernel_size=3, aggregate_dim=0,
                            bottleneck=4, embed_dim=5, pooling="mean")  # fmt: skip
    projector = {"hidden_dim": 8, "out_dim": 8}
    method = build_method(encoder, {"name": "vicreg", "projector": projector, "collapse": False}, {})
    training = TrainingConfig(
        batch_size=16, steps=STEPS, checkpoint_every=99, tensorboard=False, sync_batch_norm=synchronized
    )
    optimizer = OptimizerConfig(name="sgd", lr=0.05)
    config = Config(features={}, encoder={}, loss={}, training=training, optimizer=optimizer)
    trainer = Trainer(config, method, nn.Identity(), cast(ViewDataset, Recordings()), folder, world)
    trainer.fit()
    return {key: value.clone() for key, value in trainer.method.state_dict().items()}


def layers() -> list[tuple[nn.Module, torch.Tensor]]:
    torch.manual_seed(3)
    return [
        (nn.BatchNorm1d(4), torch.randn(ROWS, 4)),
        (nn.BatchNorm1d(4, affine=False), torch.randn(ROWS, 4, 5)),
        (nn.BatchNorm2d(3, momentum=None), torch.randn(ROWS, 3, 4, 2) * 3 + 1),
    ]


def outputs(share: slice, synchronized: bool) -> list[list[torch.Tensor]]:
    """Of each layer: output, gradient of the input, and the running averages after two steps."""
    found = []
    for layer, inputs in layers():
        module: nn.Module = nn.Sequential(layer)
        if synchronized:
            module = synchronize_batch_norm(module, torch.device("cpu"))
        for _ in range(2):
            given = inputs[share].clone().requires_grad_()
            output = module(given)
            output.sin().sum().backward()
        found.append([output.detach(), given.grad, *module.buffers()])
    return found


def work(rank: int, folder: Path) -> dict[str, Any]:
    half = ROWS // WORLD
    world = World(rank, WORLD, torch.device("cpu"))
    rows = torch.arange(half * 2.0).view(half, 2) + 100 * rank
    shuffled, back = shuffle_rows(rows, seed=5)
    assert back is not None
    return {
        "layers": outputs(slice(rank * half, (rank + 1) * half), synchronized=True),
        "vicreg": vicreg(folder / f"sync-{rank}", world, True),
        "alone": vicreg(folder / f"alone-{rank}", world, False),
        "rows": rows, "shuffled": shuffled, "returned": back(shuffled * 2),
    }  # fmt: skip


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    first, second = results_of(work, WORLD, tmp_path)

    for whole, one, other in zip(outputs(slice(None), False), first["layers"], second["layers"], strict=True):
        for number in (0, 1):  # outputs, and gradients of the sum over all processes
            torch.testing.assert_close(torch.cat([one[number], other[number]]), whole[number], rtol=1e-4, atol=1e-5)
        for mine, expected in zip(one[2:], whole[2:], strict=True):
            torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-5)

    alone = vicreg(tmp_path / "one", World(), False)
    for key, value in alone.items():
        torch.testing.assert_close(first["vicreg"][key], value, rtol=1e-3, atol=1e-4, msg=key)
    weight = "projector.0.weight"
    assert (first["alone"][weight] - alone[weight]).abs().max() > 1e-3  # what the option is for

    # Shuffled keys: every row once, some at the other process, and back where they came from.
    both = torch.cat([first["shuffled"], second["shuffled"]])
    assert sorted(both[:, 0].tolist()) == sorted(torch.cat([first["rows"], second["rows"]])[:, 0].tolist())
    assert (first["shuffled"] >= 100).any()
    for one in (first, second):
        assert torch.equal(one["returned"], one["rows"] * 2)


def test_alone_it_is_batch_normalization() -> None:
    for layer, inputs in layers():
        twin = synchronize_batch_norm(nn.Sequential(layer), torch.device("cpu"))[0]
        assert isinstance(twin, GatheredBatchNorm)
        assert twin.weight is layer.weight
        torch.testing.assert_close(twin(inputs), layer(inputs))
    assert shuffle_rows(torch.zeros(3, 2), 0)[1] is None
