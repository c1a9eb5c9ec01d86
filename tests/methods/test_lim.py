"""LIM's three objectives against loops, and that no recording is its own negative."""

import math

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch
from speakerssl.methods.lim import LIM, OBJECTIVES

from .conftest import views_of


def slow(objective: str, positive: list[float], negative: list[float]) -> float:
    if objective == "nce":
        total = sum(math.exp(n) for n in negative)
        return -float(np.mean([p - math.log(math.exp(p) + total) for p in positive]))
    if objective == "bce":
        kept = [math.log(1 / (1 + math.exp(-p))) for p in positive]
        refused = [math.log(1 - 1 / (1 + math.exp(-n))) for n in negative]
        return -float(np.mean(kept)) - float(np.mean(refused))
    return -float(np.mean(positive)) + math.log(float(np.mean([math.exp(n) for n in negative])))


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_objective_against_a_loop(make, objective: str) -> None:
    method = make("lim", objective=objective).double().eval()
    views = [view.double() for view in views_of(2, batch=5)]
    with torch.no_grad():
        first, second = (method.projector(method.encoder(view)) for view in views)
    torch.manual_seed(4)
    shift = int(torch.randint(1, 5, (1,)))
    cosine = torch.nn.functional.cosine_similarity
    positive = [float(cosine(first[i], second[i], dim=0)) for i in range(5)]
    negative = [float(cosine(first[i], second[(i + shift) % 5], dim=0)) for i in range(5)]
    torch.manual_seed(4)
    loss = method(Batch(views, torch.arange(5)), 0).loss.item()
    assert loss == pytest.approx(slow(objective, positive, negative), rel=1e-6)


def test_no_recording_is_its_own_negative() -> None:
    method = LIM.__new__(LIM)
    torch.nn.Module.__init__(method)
    method.objective = lambda positive, negative: negative.max()
    basis = torch.eye(4)
    for seed in range(30):
        torch.manual_seed(seed)
        assert method.compare(basis, basis).loss < 0.5  # a cosine of 1 would be its own view


def test_mistakes_are_named(make) -> None:
    with pytest.raises(InputError, match="unknown lim 'objective' 'nec'; the known ones are: bce, mine, nce"):
        make("lim", objective="nec")
    with pytest.raises(InputError, match="a batch of one recording"):
        make("lim").eval()(Batch(views_of(2, batch=1), torch.arange(1)), 0)
