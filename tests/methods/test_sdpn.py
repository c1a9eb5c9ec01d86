"""SDPN in the form of 3D-Speaker's code: the formulas that it prints, as loops."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch
from speakerssl.methods.sdpn import build_sdpn_projector, evenness
from speakerssl.methods.sinkhorn import sinkhorn
from tests.methods.conftest import entropy, unit

from .conftest import views_of

TRUE_FORM = {
    "teacher_views": 1,
    "koleo": 0.4,
    "koleo_on": "embedding",
    "me_max": 1.0,
    "assign": "normalized",
    "learn_prototypes": False,
    "projector": {"hidden_dim": 16, "out_dim": 8, "activation": "gelu"},
}


def softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def balanced(shares: np.ndarray) -> np.ndarray:
    """Sinkhorn of softmaxes [N, K] as the code prints it: total, then prototypes and recordings in turn."""
    q = (shares / shares.sum()).T.copy()
    prototypes, recordings = q.shape
    for _ in range(3):
        q /= q.sum(axis=1, keepdims=True) * prototypes
        q /= q.sum(axis=0, keepdims=True) * recordings
    return (q * recordings).T


def test_true_form_against_the_printed_formulas(make) -> None:
    method = make("sdpn", **TRUE_FORM).double()
    views = [view.double() for view in views_of(1, batch=5, local=4)]
    prototypes = torch.nn.functional.normalize(method.prototypes.weight, dim=1).detach().numpy()

    def unit(x: torch.Tensor) -> np.ndarray:
        return torch.nn.functional.normalize(x, dim=1).detach().numpy()

    loss = method(Batch(views, torch.arange(5)), 0).loss.item()
    with torch.no_grad():  # batch statistics of all local views together, as they went through the student
        taught = unit(method.teacher_projector(method.teacher(views[0])))
        embedded = method.encoder(torch.cat(views[1:])).chunk(4)
        students = [unit(method.projector(x)) for x in embedded]
    shares = softmax(taught @ prototypes.T / 0.1)
    sharp = shares ** (1 / 0.25)
    targets = balanced(sharp / sharp.sum(axis=1, keepdims=True))
    assignments = [softmax(x @ prototypes.T / 0.1) for x in students]
    entropy = np.mean([-np.sum(targets * np.log(p), axis=1) for p in assignments])
    mean = np.concatenate(assignments).mean(axis=0)
    me_max = np.sum(mean * np.log(mean)) + math.log(len(mean))
    koleo = 0.0
    for x in embedded:  # the code sums over the four views
        units = unit(x)
        for i in range(5):
            nearest = max((j for j in range(5) if j != i), key=lambda j: units[i] @ units[j])
            koleo -= math.log(np.linalg.norm(units[i] - units[nearest]) + 1e-8) / 5
    assert loss == pytest.approx(entropy + me_max + 0.1 * koleo, rel=1e-5)


def test_prototypes_stay_where_they_started_and_the_head_is_dinos(make) -> None:
    method = make("sdpn", **TRUE_FORM)
    assert not method.prototypes.weight.requires_grad
    projector: Any = build_sdpn_projector(12, {"activation": "gelu"})
    names = [type(layer).__name__ for layer in projector[0]]
    assert names == ["Linear", "BatchNorm1d", "GELU"] * 2 + ["Linear"]


def test_even_assignments_have_no_penalty() -> None:
    assert evenness([torch.zeros(3, 7)]).item() == pytest.approx(0.0, abs=1e-6)
    one = torch.zeros(3, 7)
    one[:, 2] = 100.0
    assert evenness([one]).item() == pytest.approx(math.log(7), rel=1e-6)


@pytest.mark.parametrize("options", [{"teacher_views": 3}, {"koleo_on": "loss"}, {"projector": {"activation": "tanh"}}])
def test_mistakes_are_named(make, options: dict) -> None:
    with pytest.raises(InputError, match="unknown sdpn"):
        make("sdpn", **options)


def test_sdpn_against_a_loop(make) -> None:
    method = make("sdpn")
    views = views_of(2, batch=6)
    with torch.no_grad():
        z = [unit(method.projector(x)) for x in method.encoder(torch.cat(views)).chunk(2)]
        scores = [x @ unit(method.prototypes.weight).T for x in z]  # the teacher starts as the student
    targets = [sinkhorn(score, 0.025, 3) for score in scores]
    expected = (entropy(targets[0], scores[1] / 0.1) + entropy(targets[1], scores[0] / 0.1)) / 2
    nearest = [[min(np.linalg.norm(v[i] - v[j]) for j in range(6) if j != i) for i in range(6)] for v in z]
    expected += 0.1 * float(np.mean([-np.log(np.array(d) + 1e-8).mean() for d in nearest]))
    assert method(Batch(views, torch.arange(6)), 6).loss.item() == pytest.approx(expected, rel=1e-4)
