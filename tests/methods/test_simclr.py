"""SimCLR is its contrastive loss on projections of two views."""

import pytest
import torch
from torch import nn

from speakerssl.methods import Batch

from .conftest import views_of


def test_the_loss_is_that_of_both_projections(make) -> None:
    method = make("simclr", loss={"temperature": 0.1, "margin": 0.2})
    views = views_of(2, batch=6)
    with torch.no_grad():
        first, second = (method.projector(method.encoder(view)) for view in views)
        expected = method.loss(first, second).loss.item()
    assert method(Batch(views, torch.arange(6)), 0).loss.item() == pytest.approx(expected, rel=1e-5)


def test_two_views_of_one_recording_in_a_batch_are_no_negatives(make) -> None:
    method, views = make("simclr"), views_of(2, batch=4)
    distinct = method(Batch(views, torch.arange(4)), 0).loss.item()
    shared = method(Batch(views, torch.tensor([0, 1, 2, 2])), 0).loss.item()
    assert shared < distinct


def test_without_projector_the_loss_is_on_the_embedding(make) -> None:
    method = make("simclr", projector=None)
    assert isinstance(method.projector, nn.Identity)
    output = method(Batch(views_of(2, batch=4), torch.arange(4)), 0)
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in method.encoder.parameters())
