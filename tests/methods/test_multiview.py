"""Multi-view SimCLR: every local crop against every global one, globals against each other."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch, build_method

from .conftest import views_of


def test_loss_is_the_mean_over_pairs(make) -> None:
    method = make("multiview", loss={"symmetry": "one_direction", "temperature": 0.2})
    views = views_of(2, batch=5, local=2)
    with torch.no_grad():
        parts = [*method.encoder(torch.cat(views[:2])).chunk(2), *method.encoder(torch.cat(views[2:])).chunk(2)]
        z = [torch.nn.functional.normalize(method.projector(part), dim=1) for part in parts]
    losses = []
    for a, b in [(0, 1), (2, 0), (2, 1), (3, 0), (3, 1)]:
        logits = z[a] @ z[b].T / 0.2
        losses.append(torch.nn.functional.cross_entropy(logits, torch.arange(5)))
    assert method(Batch(views, torch.arange(5)), 0).loss.item() == pytest.approx(
        float(torch.stack(losses).mean()), rel=1e-5
    )


def test_too_few_views_are_named(make, encoder) -> None:
    with pytest.raises(InputError, match=r"multiview needs 3 views, there are 2: raise views\.num_global"):
        make("multiview", num_global=3)(Batch(views_of(2), torch.arange(16)), 0)
    with pytest.raises(InputError, match="'num_global' must be a number from 2"):
        build_method(encoder, {"name": "multiview", "num_global": 1}, {})
