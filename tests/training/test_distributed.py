"""Where a process computes, and what several share. Two processes at work: test_trainer, test_launch."""

import os

import pytest
import torch
from torch import nn

from speakerssl.errors import InputError
from speakerssl.training.distributed import World, choose_place, make_deterministic, open_world


def test_alone_nothing_is_wrapped_and_nobody_waited_for() -> None:
    world, module = World(), nn.Linear(2, 2)
    assert world.is_main
    assert world.wrap(module) is module
    world.barrier()
    assert not World(rank=1, size=2).is_main
    with open_world("cpu") as opened:
        assert (opened.rank, opened.size, opened.device.type) == (0, 1, "cpu")


def test_places_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert choose_place("cpu") == torch.device("cpu")
    assert choose_place("cuda:3") == torch.device("cuda", 3)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert choose_place("auto") == choose_place("cuda") == torch.device("cuda", 2)
    with pytest.raises(InputError, match="--device 'cuda:4': this machine has 4 GPUs; use cpu or auto"):
        choose_place("cuda:4")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_place("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "", "CPU"])
def test_other_places_are_named(name: str) -> None:
    with pytest.raises(InputError, match="is unknown; the known ones are: auto, cpu, cuda, cuda:N"):
        choose_place(name)


def test_determinism_is_asked_for_and_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        make_deterministic(True)
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        make_deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()
