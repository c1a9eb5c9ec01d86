"""Multi-view SimCLR: every local crop against every global one, globals against each other."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch, build_method

from .conftest import views_of


def test_loss_may_be_the_mean_over_pairs(make) -> None:
    loss = {"symmetry": "one_direction", "temperature": 0.2}
    method = make("multiview", loss=loss, positives="mean_of_pairs")
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


def test_loss_is_the_cross_entropy_of_local_views_with_both_global_ones(make) -> None:
    """The formula of github.com/theolepage/sslsv: targets of 1 on both positives, among the global views alone."""
    method = make("multiview", loss={"temperature": 0.2, "margin": 0.1})
    views = views_of(2, batch=5, local=2)
    with torch.no_grad():
        parts = [*method.encoder(torch.cat(views[:2])).chunk(2), *method.encoder(torch.cat(views[2:])).chunk(2)]
        z = [torch.nn.functional.normalize(method.projector(part), dim=1) for part in parts]
    positive = torch.eye(5).repeat(2, 2)
    logits = (torch.cat(z[2:]) @ torch.cat(z[:2]).T - 0.1 * positive) / 0.2
    expected = torch.nn.functional.cross_entropy(logits, positive).item()
    assert method(Batch(views, torch.arange(5)), 0).loss.item() == pytest.approx(expected, rel=1e-5)


def test_two_global_views_alone_are_simclr(make) -> None:
    method = make("multiview", loss={"temperature": 0.2, "margin": 0.1})
    views = views_of(2, batch=5)
    with torch.no_grad():
        first, second = (method.projector(part) for part in method.encoder(torch.cat(views)).chunk(2))
    expected = method.loss(first, second).loss.item()
    assert method(Batch(views, torch.arange(5)), 0).loss.item() == pytest.approx(expected, rel=1e-5)


def test_every_head_of_a_multi_head_loss_sees_all_views(make) -> None:
    heads = {"name": "multi_head", "multi_head": {"dim": 8, "heads": 2, "hidden_dim": 8, "out_dim": 4}}
    method = make("multiview", loss=heads)
    method(Batch(views_of(2, batch=5, local=2), torch.arange(5)), 0).loss.backward()
    for parameter in method.loss.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0


def test_too_few_views_are_named(make, encoder) -> None:
    with pytest.raises(InputError, match=r"multiview needs 3 views, there are 2: raise views\.num_global"):
        make("multiview", num_global=3)(Batch(views_of(2), torch.arange(16)), 0)
    with pytest.raises(InputError, match="unknown multiview 'positives' 'both'"):
        build_method(encoder, {"name": "multiview", "positives": "both"}, {})
    with pytest.raises(InputError, match="softmax_of_both takes symmetry: both_views, not dual"):
        build_method(encoder, {"name": "multiview"}, {"symmetry": "dual"})
    with pytest.raises(InputError, match="'num_global' must be a number from 2"):
        build_method(encoder, {"name": "multiview", "num_global": 1}, {})
