"""SimSiam's value, and that no gradient goes through its targets."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.methods import Batch
from speakerssl.methods.byol import mean_cosine

from .conftest import views_of


def test_the_value_is_minus_the_mean_cosine(make) -> None:
    method, views = make("simsiam"), views_of(2, batch=6)
    with torch.no_grad():
        z = [method.projector(method.encoder(view)) for view in views]
        p = [method.predictor(x) for x in z]
    cosine = float(mean_cosine(p[0], z[1]) + mean_cosine(p[1], z[0])) / 2
    output = method(Batch(views, torch.arange(6)), 0)
    assert output.loss.item() == pytest.approx(-cosine, rel=1e-4)
    assert output.logs["target_cosine"] == pytest.approx(cosine, rel=1e-4)


def test_a_frozen_predictor_input_gets_no_gradient_from_the_target_side(make) -> None:
    """With a predictor of zeros, targets are the only path to the encoder, and that one is cut."""
    method = make("simsiam")
    for parameter in method.predictor.parameters():
        torch.nn.init.zeros_(parameter)
    method(Batch(views_of(2, batch=6), torch.arange(6)), 0).loss.backward()
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in method.encoder.parameters())


def test_one_view_is_too_few(make) -> None:
    with pytest.raises(InputError, match=r"method simsiam needs 2 views, there are 1: raise views\.num_global"):
        make("simsiam")(Batch(views_of(1), torch.arange(16)), 0)
