"""SwAV against a loop, and its queue."""

import pytest
import torch

from speakerssl.methods import Batch
from speakerssl.methods.sinkhorn import sinkhorn
from tests.methods.conftest import entropy, unit

from .conftest import views_of


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
