"""SwAV and SDPN against loops; SwAV's queue; BYOL and SimSiam at their limits."""

import numpy as np
import pytest
import torch

from speakerssl.methods import Batch
from speakerssl.methods.byol import mean_cosine
from speakerssl.methods.sinkhorn import sinkhorn

from .conftest import views_of


def unit(values: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(values, dim=1)


def entropy(target: torch.Tensor, logits: torch.Tensor) -> float:
    return float(-(target * logits.log_softmax(1)).sum(1).mean())


def test_swav_swaps_codes(make) -> None:
    method = make("swav", queue_size=0)
    views = views_of(2, batch=6)
    with torch.no_grad():
        z = [unit(method.projector(x)) for x in method.encoder(torch.cat(views)).chunk(2)]
        scores = [x @ unit(method.prototypes.weight).T for x in z]
    codes = [sinkhorn(score, 0.05, 3) for score in scores]
    expected = (entropy(codes[0], scores[1] / 0.1) + entropy(codes[1], scores[0] / 0.1)) / 2
    assert method(Batch(views, torch.arange(6)), 0).loss.item() == pytest.approx(expected, rel=1e-5)


def test_swav_queue_counts_once_full_and_holds_the_newest(make) -> None:
    method, plain = make("swav", queue_size=8), make("swav", queue_size=0)
    plain.load_state_dict({**method.state_dict(), "queue": plain.queue})
    losses = []
    for step in range(3):
        views = views_of(2, batch=4, seed=step)
        losses.append([m(Batch(views, torch.arange(4)), step).loss.item() for m in (method, plain)])
    assert losses[0][0] == losses[0][1]
    assert losses[1][0] == losses[1][1]
    assert losses[2][0] != losses[2][1]
    with torch.no_grad():
        newest = [method.projector(x) for x in method.encoder(torch.cat(views)).chunk(2)]
    torch.testing.assert_close(method.queue[:, :4], torch.stack(newest), rtol=1e-5, atol=1e-6)


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


def test_byol_and_simsiam_values(make) -> None:
    views = views_of(2, batch=6)
    for name, value in (("byol", lambda c: 4 - 4 * c), ("simsiam", lambda c: -c)):
        method = make(name)
        with torch.no_grad():
            z = [method.projector(method.encoder(view)) for view in views]
            p = [method.predictor(x) for x in z]
            cosine = float(mean_cosine(p[0], z[1]) + mean_cosine(p[1], z[0])) / 2
        assert method(Batch(views, torch.arange(6)), 0).loss.item() == pytest.approx(value(cosine), rel=1e-4)
