"""Class centres shared out in training: the steps of one process, whole checkpoints, exact resume."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from speakerssl.config import OptimizerConfig, TrainingConfig
from speakerssl.data.labels import Labels
from speakerssl.errors import InputError
from speakerssl.methods import Method, Supervised, build_method
from speakerssl.training.checkpoint import list_checkpoints, read_checkpoint
from speakerssl.training.distributed import World
from speakerssl.training.initial import _load_head
from speakerssl.training.sharding import Sharding
from speakerssl.training.trainer import Trainer
from tests.groups import results_of
from tests.training.test_grad_cache import MeanEncoder
from tests.training.test_sharding import fit

CLASSES, STEPS = 9, 4
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped": {"clip_grad": 0.3},
    "each": {"clip_grad": 0.1, "clip_grad_each": True},
    "cached": {"grad_cache": {"chunk": 3}, "clip_grad": 0.3},
    "aum": {"method": {"aum": {}}},
}


def made(seed: int = 0, **options: Any) -> Supervised:
    torch.manual_seed(seed)
    loss = {"name": "subcentre_aam", "scale": 8, "class_share": 0.5, "shard_classes": True}
    method = build_method(cast(Any, MeanEncoder()), {"name": "supervised", "labels": "utt2spk", **options}, loss)
    assert isinstance(method, Supervised)
    numbers = np.arange(16)[:, None] % CLASSES
    method.use_labels(Labels([f"s{i}" for i in range(CLASSES)], numbers, np.ones((16, 1), np.float32)))
    return method


def train(folder: Path, world: World, steps: int = STEPS, name: str = "sgd", **options: Any) -> Trainer:
    """A run of `steps` steps in `folder`, from its last checkpoint."""
    method = made(**options.pop("method", {}))
    return fit(method, folder, world, steps, OptimizerConfig(name=cast(Any, name), lr=0.1), **options)


def train_rank(rank: int, folder: Path) -> dict[str, Any]:
    world = World(rank, 2)
    found: dict[str, Any] = {}
    for kind, options in KINDS.items():
        found[kind] = train(folder / kind, world, **options).method.state_dict()
    found["once"] = train(folder / "once", world, name="adam").method.state_dict()
    for steps in (2, STEPS):
        found["twice"] = train(folder / "twice", world, steps, name="adam").method.state_dict()
    begun = made(1)
    assert _load_head(begun, folder / "once") == ["head"]
    found["begun"] = begun.head.weight.detach()
    try:
        Sharding(made(), TrainingConfig(fsdp=True), world)
    except InputError as error:
        found["refused"] = str(error)
    return found


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    first, second = results_of(train_rank, 2, tmp_path)
    start = made().state_dict()
    for kind, options in KINDS.items():
        alone = train(tmp_path / f"{kind}-alone", World(), **options).method.state_dict()
        written = read_checkpoint(list_checkpoints(tmp_path / kind / "checkpoints")[-1])["method"]
        assert len(first[kind]["head.weight"]) < 0.6 * len(alone["head.weight"])
        for key, value in alone.items():
            torch.testing.assert_close(written[key], value, rtol=0, atol=1e-5, msg=f"{kind} {key}")
            if key != "head.weight":
                torch.testing.assert_close(second[kind][key], first[kind][key], rtol=0, atol=0, msg=f"{kind} {key}")
        together = torch.cat([first[kind]["head.weight"], second[kind]["head.weight"]])
        torch.testing.assert_close(written["head.weight"], together, rtol=0, atol=0)
        assert kind == "aum" or not torch.allclose(together, start["head.weight"], atol=1e-3)
    for found in (first, second):
        for key, value in found["once"].items():
            torch.testing.assert_close(found["twice"][key], value, rtol=0, atol=0, msg=f"{key} after a stop")
        torch.testing.assert_close(found["begun"], found["once"]["head.weight"], rtol=0, atol=0)
        assert found["refused"] == "training.fsdp: does not go with loss.shard_classes; leave it out"
    files = [(tmp_path / name / "checkpoints" / "step-00000004.pt").read_bytes() for name in ("once", "twice")]
    assert files[0] == files[1]
    _goes_on_alone(tmp_path / "once")


def _goes_on_alone(folder: Path) -> None:
    """A whole file may be read by any number of processes; `run_identity` is what refuses another one."""
    state = read_checkpoint(list_checkpoints(folder / "checkpoints")[-1])
    rows = state["method"]["head.weight"].shape
    assert any(kept["exp_avg"].shape == rows for kept in state["optimizer"]["state"].values())
    assert cast(Any, train(folder, World(), STEPS + 1, name="adam").method).head.weight.shape == rows


def test_what_needs_all_classes_in_one_process_is_refused() -> None:
    with pytest.raises(InputError, match=r"loss.shard_classes: `correct` needs the logits of all classes"):
        made(gate={}, correct={})
    method: Method = build_method(
        cast(Any, MeanEncoder()), {"name": "supervised", "labels": "x"}, {"name": "am", "shard_classes": True}
    )
    soft = Labels(["a", "b"], np.array([[0, 1]] * 4), np.full((4, 2), 0.5, np.float32))
    with pytest.raises(InputError, match=r"loss.shard_classes is for hard labels"):
        cast(Supervised, method).use_labels(soft)
