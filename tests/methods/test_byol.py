"""BYOL's value, and what moves its teacher."""

import pytest
import torch

from speakerssl.methods import Batch
from speakerssl.methods.byol import mean_cosine

from .conftest import views_of


def test_the_value_is_twice_the_squared_distance_of_unit_vectors(make) -> None:
    views = views_of(2, batch=6)
    method = make("byol")
    with torch.no_grad():
        z = [method.projector(method.encoder(view)) for view in views]  # the teacher starts as the student
        p = [method.predictor(x) for x in z]
    cosine = float(mean_cosine(p[0], z[1]) + mean_cosine(p[1], z[0])) / 2
    assert method(Batch(views, torch.arange(6)), 0).loss.item() == pytest.approx(4 - 4 * cosine, rel=1e-4)


def test_only_the_student_is_trained_and_the_teacher_follows(make) -> None:
    method = make("byol", momentum=0.9)
    method(Batch(views_of(2, batch=6), torch.arange(6)), 0).loss.backward()
    assert all(parameter.grad is None for parameter in method.teacher.parameters())
    assert all(parameter.grad is not None for parameter in method.predictor.parameters())
    assert [(a is method.teacher, b is method.encoder) for a, b in method.teacher_student_pairs()[:1]] == [(True, True)]


def test_the_cosine_is_computed_in_float32() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mean_cosine(torch.ones(2, 300, dtype=torch.bfloat16), torch.ones(2, 300, dtype=torch.bfloat16))
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(1.0, abs=1e-6)
